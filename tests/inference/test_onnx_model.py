"""An ONNX file in the place of a checkpoint, and files that are none."""

import sys

import pytest
import torch

import videomamba
from tests.tiny import MODEL, write_clips
from videomamba.errors import UserError
from videomamba.inference.onnx_model import OnnxModel, load_trained
from videomamba.models import PretrainedModel

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    model = videomamba.create_model("videomamba_nano", class_names=("blue", "green", "red"), **MODEL)
    torch.nn.init.normal_(model.head.weight)
    return model.eval()


@pytest.fixture(scope="module")
def file(net, tmp_path_factory):
    return videomamba.export(net, tmp_path_factory.mktemp("onnx") / "model.onnx").path


def test_predict_takes_it_like_a_checkpoint(net, file, tmp_path, monkeypatch):
    clips = write_clips(tmp_path / "colours", per_class=2)
    want = list(videomamba.predict(net, clips, num_clips=2, device="cpu"))

    def refuse(*_, **__):
        raise AssertionError("a network is built")

    monkeypatch.setattr(PretrainedModel, "__init__", refuse)
    got = list(videomamba.predict(file, clips, num_clips=2))
    assert len(got) == 6
    for a, b in zip(got, want, strict=True):
        assert (a.path, a.preprocessing) == (b.path, b.preprocessing)
        assert [s.label for s in a.top_k] == [s.label for s in b.top_k]
        assert [s.probability for s in a.top_k] == pytest.approx([s.probability for s in b.top_k], abs=1e-5)


def test_it_tells_what_its_model_tells(net, file):
    model = OnnxModel(file)
    assert (model.labels, model.num_classes, model.task) == (net.labels, 3, "recognition")
    assert (model.preprocessing, model.config) == (net.preprocessing, net.config)
    assert not list(model.parameters())


def test_a_video_of_another_size_is_refused(file):
    with pytest.raises(UserError, match=r"video has shape \(1, 3, 8, 32, 32\); .* takes \(batch, 3, 4, 32, 32\)"):
        OnnxModel(file)(torch.zeros(1, 3, 8, 32, 32))


def test_files_that_are_none(file, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"there is no file nowhere\.onnx"):
        load_trained("nowhere.onnx")
    broken = tmp_path / "broken.onnx"
    for content in (b"", b"this is no model", file.read_bytes()[:-1000]):
        broken.write_bytes(content)
        with pytest.raises(UserError, match=r"is no ONNX file that onnxruntime can load|was not written by"):
            load_trained(broken)
    graph = onnx.load(file)
    for value in (None, "not JSON", "[]", '{"task": "recognition"}'):
        del graph.metadata_props[:]
        if value is not None:
            graph.metadata_props.add(key="videomamba", value=value)
        onnx.save(graph, broken)
        with pytest.raises(UserError, match="was not written by `videomamba export`"):
            load_trained(broken)
    with pytest.raises(UserError, match="on the CPU; leave out --device cuda"):
        load_trained(file, "cuda")
    with pytest.raises(UserError, match="holds no weights that could be read back"):
        videomamba.load_model(file)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r'needs onnxruntime: pip install "videomamba\[onnx\]"'):
        load_trained(file)


@pytest.mark.slow
def test_a_detector_and_a_segmenter(tmp_path):
    torch.manual_seed(0)
    net = videomamba.create_model("videomamba_nano_detector", num_frames=4, img_size=32, depth=1, num_classes=5).eval()
    model = OnnxModel(videomamba.export(net, tmp_path / "detector.onnx").path)
    assert (model.task, model.labels) == ("detection", net.labels)
    video, boxes = torch.randn(2, 3, 4, 32, 32), torch.rand(2, 2, 2, 2).sort(2).values.flatten(2) * 32
    valid = torch.tensor([[True, True], [True, False]])
    torch.testing.assert_close(model(video, boxes, valid), net(video, boxes, valid), rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="pictures of one size"):
        model(video, boxes, valid, torch.tensor([[32, 32], [32, 24]]))
    net = videomamba.create_model("mstcn2", input_dim=6, num_classes=3).eval()
    model = OnnxModel(videomamba.export(net, tmp_path / "segmenter.onnx").path)
    features = torch.randn(1, 6, 33)
    torch.testing.assert_close(model(features)[-1], net(features)[-1], rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="sequences of one length"):
        model(features, torch.zeros(1, 33, dtype=torch.bool))
