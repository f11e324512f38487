"""The released ASFormer's files: through every door, with the outputs of their code."""

import json

import pytest
import safetensors
import torch

from tests.tiny import FIXTURES
from videomamba.models import ASFormer, convert, create_model, load_model


@pytest.fixture
def released(tmp_path):
    """The fixture as its authors publish it, an input and their code's output."""
    with safetensors.safe_open(FIXTURES / "asformer.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        config = json.loads(file.metadata()["config"])
    weights = {n.removeprefix("weights."): v.float() for n, v in tensors.items() if n.startswith("weights.")}
    torch.save(weights, tmp_path / "epoch-120.model")
    return tmp_path / "epoch-120.model", tensors["input"].float(), tensors["output"].float(), config


def test_every_door_leads_to_it(released, tmp_path):
    path, features, want, published = released
    convert(path, tmp_path / "ours")
    options = {"embed_dim": published["num_f_maps"], "input_dim": features.shape[1]}
    options |= {name: published[name] for name in ("num_layers", "num_decoders")}
    doors = [
        load_model(path),
        load_model(tmp_path / "ours"),
        ASFormer.from_pretrained(path),
        create_model("asformer", pretrained=path, **options).eval(),
    ]
    for model in doors:
        assert isinstance(model, ASFormer)
        assert model.source == "epoch-120.model: the released ASFormer"
        with torch.inference_mode():
            torch.testing.assert_close(model(features), want, atol=1e-5, rtol=0)


def test_the_configuration_is_read_off_the_file(released):
    path, features, want, published = released
    config = load_model(path).config
    assert (config.num_classes, config.input_dim) == (want.shape[2], features.shape[1])
    assert (config.embed_dim, config.r1, config.r2) == tuple(published[name] for name in ("num_f_maps", "r1", "r2"))
    assert (config.num_layers, config.num_decoders) == (published["num_layers"], published["num_decoders"])


def test_a_file_that_is_not_whole(released, tmp_path):
    path = released[0]
    weights = torch.load(path)
    torch.save({n: v for n, v in weights.items() if "conv_out" not in n or ".att_layer." in n}, path)
    with pytest.raises(ValueError, match=r"is not a whole ASFormer checkpoint: encoder\.head\.weight"):
        load_model(path)
    torch.save(weights, path)
    with pytest.raises(ValueError, match="is a file of ASFormer; patch_stride is for files of Vim and OpenGVLab"):
        convert(path, tmp_path / "no", patch_stride=8)
    with pytest.raises(ValueError, match="holds no weights of Vim: it has tensors such as decoders"):
        convert(path, tmp_path / "no", origin="vim")


def test_another_width_starts_afresh_and_says_so(released):
    model = load_model(released[0], num_decoders=0)
    assert model.notes == ()
    model = load_model(released[0], input_dim=7)
    assert model.notes == ("1 tensors start afresh, as the checkpoint has none like them: encoder.embed.weight",)
