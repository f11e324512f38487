"""All segmenters: padding changes nothing, every parameter learns, files keep the model."""

import torch
from torchvision.ops import StochasticDepth

from videomamba.models import load_model


def test_padding_changes_no_result(segmenter):
    generator = torch.Generator().manual_seed(1)
    segmenter.double()
    lengths = (37, 50, 5, 1)
    videos = [torch.randn(12, length, generator=generator).double() for length in lengths]
    batch = torch.full((4, 12, 50), 7.0).double()
    for row, video in zip(batch, videos, strict=True):
        row[:, : video.shape[1]] = video
    valid = torch.arange(50) < torch.tensor(lengths)[:, None]
    for parameter in segmenter.parameters():  # biases and all
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    with torch.inference_mode():
        together = segmenter(batch, valid)
        assert (together.transpose(1, 2) * ~valid).abs().max() == 0
        for i, video in enumerate(videos):
            alone = segmenter(video[None])
            torch.testing.assert_close(together[:, i : i + 1, :, : lengths[i]], alone, atol=1e-8, rtol=1e-8)


def test_padding_changes_no_gradient(segmenter):
    generator = torch.Generator().manual_seed(1)
    video = torch.randn(1, 12, 30, generator=generator)
    gradients = []
    for features, valid in ((video, None), (torch.nn.functional.pad(video, (0, 9)), torch.arange(39)[None] < 30)):
        segmenter.zero_grad()
        segmenter(features, valid)[..., :30].square().mean().backward()
        gradients.append({name: p.grad.clone() for name, p in segmenter.named_parameters()})
    for name, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], value, atol=1e-5, rtol=1e-3, msg=name)


def test_every_parameter_learns(segmenter):
    for part in segmenter.modules():
        if isinstance(part, StochasticDepth):
            part.p = 0.0
    segmenter.train()(torch.randn(1, 12, 40)).square().mean().backward()
    idle = [name for name, p in segmenter.named_parameters() if p.grad is None or not p.grad.any()]
    assert [n for n in idle if "layers.0.mixer.query" not in n and "layers.0.mixer.key" not in n] == []  # window 1


def test_files_keep_the_model(segmenter, tmp_path):
    segmenter.set_class_names(["a", "b", "c", "d", "e"])
    segmenter.save_pretrained(tmp_path / "m")
    again = load_model(tmp_path / "m")
    features = torch.randn(1, 12, 20)
    torch.testing.assert_close(again(features), segmenter(features))
    assert again.class_names == segmenter.class_names
    assert again.preprocessing == segmenter.preprocessing
    other = load_model(tmp_path / "m", num_classes=3)
    assert other(features).shape[2] == 3
    assert other.class_names is None
    is_asformer = "encoder.embed.weight" in segmenter.state_dict()
    inner = "encoder.layers.0.conv.weight" if is_asformer else "prediction.embed.weight"

    assert torch.equal(other.state_dict()[inner], segmenter.state_dict()[inner])
