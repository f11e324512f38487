"""Exported files give what their models give; a difference, a missing package and wrong options are refused."""

import json
import sys

import pytest
import torch

import videomamba
from tests.exporters.models import model, run
from videomamba.errors import UserError
from videomamba.exporters import check, export
from videomamba.exporters.program import DESCRIPTION
from videomamba.inference.onnx_model import OnnxModel
from videomamba.models import CustomModel
from videomamba.preprocessing import Preprocessing

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    net = model()
    return net, export(net, tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.mark.parametrize(
    "options",
    [
        {"backward_order": "spatial", "cls_position": "middle"},
        pytest.param({"backward_order": "temporal", "cls_position": "first"}, marks=pytest.mark.slow),
        pytest.param({"backward_order": "temporal", "pos_embed": "sinusoidal"}, marks=pytest.mark.slow),
        pytest.param({"cls_position": "middle", "depth": 2}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_orders_and_class_tokens(options, tmp_path):
    net, path = model(**options), tmp_path / "model.onnx"
    assert export(net, path).difference < 1e-5
    for batch in (1, 3):
        video = torch.randn(batch, 3, 4, 16, 16)
        torch.testing.assert_close(run(path, video), net(video), rtol=1e-4, atol=1e-5)


def test_metadata_hold_names_and_preprocessing(written):
    _, done = written
    (entry,) = onnx.load(done.path).metadata_props
    values = json.loads(entry.value)
    assert (entry.key, values["task"], values["class_names"]) == ("videomamba", "recognition", ["a", "b", "c"])
    assert values["preprocessing"]["num_frames"] == 4
    assert values["model"]["backward_order"] == "spatio_temporal"


@pytest.mark.slow
def test_another_size_and_a_fixed_batch(tmp_path):
    net, path = model(), tmp_path / "model.onnx"
    done = export(net, path, num_frames=2, img_size=(16, 24), batch=1)
    assert done.inputs == {"video": (1, 3, 2, 16, 24)}
    assert net.config.num_frames == 4, "the model itself stays"
    other = model()
    other.set_input_size(2, (16, 24))
    video = torch.randn(1, 3, 2, 16, 24)
    torch.testing.assert_close(run(path, video), other(video), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_detector_takes_any_number_of_boxes(tmp_path):
    torch.manual_seed(0)
    net = videomamba.create_model("videomamba_nano_detector", num_frames=4, img_size=32, depth=1, num_classes=5).eval()
    for suffix in ("onnx", "pt2"):
        done = export(net, tmp_path / f"detector.{suffix}")
        assert done.inputs == {"video": ("batch", 3, 4, 32, 32), "boxes": ("batch", "boxes", 4)}
    video, boxes = torch.randn(2, 3, 4, 32, 32), torch.tensor([[[0.0, 0, 20, 30]], [[5.0, 5, 31, 12]]])
    torch.testing.assert_close(run(tmp_path / "detector.onnx", video, boxes), net(video, boxes), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["asformer", "asformer_ssm", "mstcn2"])
def test_a_segmenter_takes_any_length(kind, tmp_path):
    torch.manual_seed(0)
    net = videomamba.create_model(kind, input_dim=6, num_classes=3, num_layers=3, embed_dim=8).eval()
    for suffix in ("onnx", "pt2"):
        done = export(net, tmp_path / f"segmenter.{suffix}")
        assert done.inputs == {"features": ("batch", 6, "length")}
    features = torch.randn(1, 6, 97)
    torch.testing.assert_close(run(tmp_path / "segmenter.onnx", features), net(features)[-1], rtol=1e-4, atol=1e-5)


def test_a_program_of_torch_export(tmp_path):
    net, path = model(), tmp_path / "model.pt2"
    assert export(net, path).difference == 0
    extra = {DESCRIPTION: ""}
    program = torch.export.load(path, extra_files=extra).module()
    video = torch.randn(3, 3, 4, 16, 16)
    assert torch.equal(program(video), net(video))
    assert json.loads(extra[DESCRIPTION])["class_names"] == ["a", "b", "c"]


def test_a_difference_is_an_error_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match=r"differs from the model by .* nothing was written"):
        export(model(), tmp_path / "model.pt2")
    assert list(tmp_path.iterdir()) == []


def test_nan_is_a_difference():
    class Target:
        example, others = (torch.ones(1, 2),), ()

        @staticmethod
        def module(x):
            return x

    assert check.largest_difference(Target, lambda x: x * 1.5) == 0.5
    assert check.largest_difference(Target, lambda x: x * float("nan")) == float("inf")
    with pytest.raises(UserError, match="gives"):
        check.largest_difference(Target, lambda x: x[:, :1])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("m.tflite", {}, "end it in .onnx, or in .pt2"),
        ("m.onnx", {"scan": "loop"}, "scan='loop'; choose one of scan, linear-attention"),
        ("m.onnx", {"batch": 0}, "batch"),
        ("m.pt2", {"int8": True}, "for .onnx files only"),
        ("m.onnx", {"num_frames": 3}, "num_frames"),
    ],
)
def test_options_that_do_not_fit(name, options, message, tmp_path):
    with pytest.raises(UserError, match=message):
        export(model(), tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_segmenter_has_no_size(tmp_path):
    net = videomamba.create_model("mstcn2", input_dim=6, num_classes=3)
    with pytest.raises(UserError, match="MSTCN2 takes no other size"):
        export(net, tmp_path / "m.onnx", img_size=32)
    with pytest.raises(UserError, match="scan='linear-attention': MSTCN2 has no scan; leave the option out"):
        export(net, tmp_path / "m.onnx", scan="linear-attention")


class Convolution(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.head = torch.nn.Conv3d(3, 4, 3), torch.nn.Linear(4, 3)

    def forward(self, video):
        return self.head(self.patches(video).relu().mean((2, 3, 4)))


class Branching(Convolution):
    def forward(self, video):
        return super().forward(video if video.mean() > 0 else -video)


class Bessel(Convolution):
    def forward(self, video):
        return torch.special.bessel_j0(super().forward(video))


def custom(module):
    torch.manual_seed(0)
    preprocessing = Preprocessing(num_frames=4, size=(16, 16))
    return CustomModel(module(), class_names=("a", "b", "c"), preprocessing=preprocessing).eval()


def test_a_module_that_somebody_wrote(tmp_path):
    net = custom(Convolution)
    for suffix in ("onnx", "pt2"):
        assert export(net, tmp_path / f"custom.{suffix}").inputs == {"video": ("batch", 3, 4, 16, 16)}
    exported, video = OnnxModel(tmp_path / "custom.onnx"), torch.randn(3, 3, 4, 16, 16)
    assert (exported.labels, exported.preprocessing) == (net.labels, net.preprocessing)
    torch.testing.assert_close(exported(video), net(video), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("module", "suffix"), [(Branching, "pt2"), (Bessel, "onnx")])
def test_a_module_that_cannot_be_exported_is_one_line(module, suffix, tmp_path):
    with pytest.raises(UserError, match=rf"^{module.__name__} cannot be exported: .+") as error:
        export(custom(module), tmp_path / f"custom.{suffix}")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_package_is_named(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf'ONNX files need {package}: pip install "videomamba\[onnx\]"'):
        export(model(), tmp_path / "m.onnx")
