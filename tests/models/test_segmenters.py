"""ASFormer, with and without the ST-SSM, and MS-TCN++."""

import json
from pathlib import Path

import pytest
import safetensors
import torch
from torchvision.ops import StochasticDepth

from tests.tiny import FIXTURES
from videomamba.models import ASFormer, create_model, load_model
from videomamba.models.segmenter_config import ASFormerConfig
from videomamba.models.weights import asformer
from videomamba.models.weights.tensor_file import TensorFile
from videomamba.nn.temporal import TemporalSSM

TINY = {"input_dim": 12, "num_classes": 5, "embed_dim": 16, "num_layers": 5}
VARIANTS = {
    "released": ("asformer", {}),
    "exact": ("asformer", {"window_mask": "exact"}),
    "ssm_encoder": ("asformer_ssm", {}),
    "ssm": ("asformer", {"mixer": "ssm"}),
    "mstcn2": ("mstcn2", {"num_refinement_layers": 4}),
}


@pytest.fixture(params=VARIANTS)
def model(request):
    torch.manual_seed(0)
    name, options = VARIANTS[request.param]
    return create_model(name, **TINY, **options).eval()


def from_released(weights, config):
    """The model of a released file, with what no file tells from ``config``."""
    checkpoint = asformer.read(TensorFile(Path("split_1.model"), weights))
    return ASFormer.from_checkpoint(checkpoint, config)


def test_the_released_asformers_outputs():
    with safetensors.safe_open(FIXTURES / "asformer.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        theirs = json.loads(file.metadata()["config"])
    weights = {n.removeprefix("weights."): v.float() for n, v in tensors.items() if n.startswith("weights.")}
    theirs["embed_dim"] = theirs.pop("num_f_maps")
    theirs.pop("source")
    config = ASFormerConfig(**theirs)
    with torch.inference_mode():
        for dtype, close in ((torch.float32, 1e-5), (torch.float64, 1e-6)):
            model = from_released(weights, config).to(dtype)
            ours = model(tensors["input"].to(dtype))
            torch.testing.assert_close(ours, tensors["output"].to(dtype), atol=close, rtol=0)
        exact = from_released(weights, ASFormerConfig(**theirs, window_mask="exact"))
        assert (exact(tensors["input"].float()) - tensors["output"]).abs().max() > 1e-3  # the mask is felt
    with pytest.raises(ValueError, match=r"lacks tensor .*mixer\.key"):
        from_released({name: v for name, v in weights.items() if "key_conv" not in name}, config)


def test_padding_changes_no_result(model):
    generator = torch.Generator().manual_seed(1)
    model.double()
    lengths = (37, 50, 5, 1)
    videos = [torch.randn(12, length, generator=generator).double() for length in lengths]
    batch = torch.full((4, 12, 50), 7.0).double()
    for row, video in zip(batch, videos, strict=True):
        row[:, : video.shape[1]] = video
    valid = torch.arange(50) < torch.tensor(lengths)[:, None]
    for parameter in model.parameters():  # biases and all
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    with torch.inference_mode():
        together = model(batch, valid)
        assert (together.transpose(1, 2) * ~valid).abs().max() == 0
        for i, video in enumerate(videos):
            alone = model(video[None])
            torch.testing.assert_close(together[:, i : i + 1, :, : lengths[i]], alone, atol=1e-8, rtol=1e-8)


def test_padding_changes_no_gradient(model):
    generator = torch.Generator().manual_seed(1)
    video = torch.randn(1, 12, 30, generator=generator)
    gradients = []
    for features, valid in ((video, None), (torch.nn.functional.pad(video, (0, 9)), torch.arange(39)[None] < 30)):
        model.zero_grad()
        model(features, valid)[..., :30].square().mean().backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters()})
    for name, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], value, atol=1e-5, rtol=1e-3, msg=name)


def test_every_parameter_learns(model):
    for part in model.modules():
        if isinstance(part, StochasticDepth):
            part.p = 0.0
    model.train()(torch.randn(1, 12, 40)).square().mean().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert [n for n in idle if "layers.0.mixer.query" not in n and "layers.0.mixer.key" not in n] == []  # window 1


@pytest.mark.parametrize("has_source", [False, True])
def test_a_scaled_answer_is_added_to_the_input_and_left_out_at_random(has_source):
    torch.manual_seed(0)
    plain, scaled = (
        TemporalSSM(8, has_source=has_source, layer_scale=scale, drop_path=0.3, expand=1).eval()
        for scale in (None, 0.5)
    )
    scaled.load_state_dict(plain.state_dict(), strict=False)
    x, source = torch.randn(64, 8, 10), torch.randn(64, 8, 10)
    answer = plain(x, source, None)
    torch.testing.assert_close(scaled(x, source, None), x + 0.5 * answer)
    with torch.no_grad():
        trained = scaled.train()(x, source, None)
    kept = (trained - x).abs().amax((1, 2)) > 0
    torch.testing.assert_close(trained[kept], (x + 0.5 * answer / 0.7)[kept])  # the mean stays what it was
    assert 35 < kept.sum() < 55


def test_the_ssm_looks_both_ways_and_farther_than_windows_reach():
    """Without the convolutions and the norms over time, which mix too."""
    torch.manual_seed(0)
    reach = {}
    for mixer in ("ssm_encoder", "attention"):
        model = create_model("asformer", **{**TINY, "num_layers": 3}, mixer=mixer, window_mask="exact").eval()
        video = torch.randn(1, 16, 101, requires_grad=True)
        model.encoder.layers[2].mixer(video, None, None)[0, :, 50].sum().backward()
        felt = video.grad[0].abs().sum(0).nonzero().flatten()
        reach[mixer] = (int(felt.min()), int(felt.max()))
    assert reach["ssm_encoder"][0] < 25
    assert reach["ssm_encoder"][1] > 75
    assert reach["attention"] == (48, 51)


def test_files_keep_the_model(model, tmp_path):
    model.set_class_names(["a", "b", "c", "d", "e"])
    model.save_pretrained(tmp_path / "m")
    again = load_model(tmp_path / "m")
    features = torch.randn(1, 12, 20)
    torch.testing.assert_close(again(features), model(features))
    assert again.class_names == model.class_names
    assert again.preprocessing == model.preprocessing
    other = load_model(tmp_path / "m", num_classes=3)
    assert other(features).shape[2] == 3
    assert other.class_names is None
    inner = (
        "encoder.layers.0.conv.weight" if "encoder.embed.weight" in model.state_dict() else "prediction.embed.weight"
    )
    assert torch.equal(other.state_dict()[inner], model.state_dict()[inner])


def test_mistakes_are_one_line(model):
    for features, message in ((torch.zeros(1, 3, 9), "12 channels"), (torch.zeros(12, 9), "(B, 12, T)")):
        with pytest.raises(ValueError, match="features have shape") as caught:
            model(features)
        assert message in str(caught.value)
    with pytest.raises(ValueError, match="mixer='lstm'"):
        create_model("asformer", mixer="lstm")
