"""Vim's and OpenGVLab's checkpoints: the same features and logits as their code, whatever the file looks like."""

import argparse
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.models.weights.foreign_files import random_weights, reference
from videomamba.models import VideoMamba, convert, create_model, load_model
from videomamba.models.weights import opengvlab, vim
from videomamba.models.weights.tensor_file import TensorFile
from videomamba.ops.backend import backend_status

NAMES = ("opengvlab_video_tubelet1", "opengvlab_video_tubelet2", "vim_image")
RUNS = [name for name, (runs, _) in backend_status().items() if runs]
DOUBLE = ("torch", "reference")


def file_of(name, folder):
    """The fixture as its authors would publish it."""
    weights = reference(name).weights
    wrapped = {"model": weights} if name == "vim_image" else weights
    path = folder / ("vim_t_midclstok.pth" if name == "vim_image" else "videomamba_t16_k400.pth")
    torch.save(wrapped, path)
    return path


def relative(got, want):
    return ((got.double() - want).abs().max() / want.abs().max()).item()


def deviations(model, want, dtype):
    model = model.to(dtype)
    with torch.no_grad():
        features = model.forward_features(want.video.to(dtype))
        cls = model.forward_head(features, pre_logits=True)
        logits = model.forward_head(features)
    return relative(cls, want.features), relative(logits, want.logits)


def slow_ones(name, backend):
    """Triton's interpreter takes 20 to 30 seconds a model."""
    return [pytest.mark.slow] if backend == "triton" and not torch.cuda.is_available() else []


@pytest.mark.parametrize(("name", "backend"), [pytest.param(n, b, marks=slow_ones(n, b)) for n in NAMES for b in RUNS])
def test_features_and_logits_are_those_of_the_original_code(name, backend, tmp_path):
    want = reference(name)
    convert(file_of(name, tmp_path), tmp_path / "ours")
    model = load_model(tmp_path / "ours", backend=backend)
    assert max(deviations(model, want, torch.float32)) <= 1e-5
    if backend in DOUBLE:
        assert max(deviations(model, want, torch.float64)) <= 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_configuration_is_inferred(name, tmp_path):
    published = reference(name).config
    config = convert(file_of(name, tmp_path), tmp_path / "ours").config
    for field in ("img_size", "patch_size", "embed_dim", "depth", "num_classes"):
        assert getattr(config, field) == published[field], field
    assert config.num_frames == published.get("num_frames", 1)
    assert config.tubelet_size == published.get("tubelet_size", 1)
    assert config.cls_position == published.get("cls_position", "first")
    assert (config.d_state, config.d_conv, config.expand) == (16, 4, 2)


@pytest.mark.parametrize("wrap", ["flat", "module.", "state_dict", "settings", "safetensors", "bfloat16", "old"])
def test_wrappings(wrap, tmp_path):
    want = reference("opengvlab_video_tubelet1")
    path, weights = tmp_path / "checkpoint.pth", want.weights
    content = {
        "flat": weights,
        "module.": {f"module.{name}": value for name, value in weights.items()},
        "state_dict": {"state_dict": weights, "epoch": 3},
        "settings": {"model": weights, "optimizer": {"state": {}}, "args": argparse.Namespace(model="videomamba_tiny")},
        "bfloat16": {name: value.bfloat16() for name, value in weights.items()},
        "old": weights,
        "safetensors": None,
    }[wrap]
    if wrap == "safetensors":
        path = tmp_path / "checkpoint.safetensors"
        save_file(weights, path)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=wrap != "old")
    model = load_model(path)
    assert model.cls_token.dtype == torch.float32
    if wrap == "bfloat16":
        assert torch.equal(model.norm.weight, weights["norm_f.weight"].bfloat16().float())
    else:
        assert max(deviations(model, want, torch.float32)) <= 1e-5


def image_file(folder, name, **extra):
    path = folder / name
    torch.save({"model": random_weights(32, 2, classes=3, slots=17), **extra}, path)
    return path


@pytest.mark.parametrize(
    ("name", "settings", "origin"),
    [
        ("vim_t_midclstok_76p1acc.pth", None, "vim"),
        ("vim_image.pth", None, "vim"),
        ("videomamba_t16_in1k_res224.pth", None, "opengvlab"),
        ("best.pth", "vim_tiny_patch16_224_bimambav2_final_pool_mean_abs_pos_embed_with_midclstok_div2", "vim"),
        ("best.pth", "videomamba_tiny", "opengvlab"),
        ("vim_like.pth", "videomamba_tiny", "opengvlab"),
    ],
)
def test_whose_image_file_it_is(name, settings, origin, tmp_path):
    extra = {} if settings is None else {"args": argparse.Namespace(model=settings)}
    checkpoint = convert(image_file(tmp_path, name, **extra), tmp_path / "ours")
    assert checkpoint.config.cls_position == {"vim": "middle", "opengvlab": "first"}[origin]
    plain = random_weights(32, 2, classes=3, slots=17)["layers.1.mixer.out_proj.weight"]
    factor = {"vim": 0.5, "opengvlab": 1.0}[origin]
    assert torch.equal(checkpoint.weights["blocks.1.mixer.out_proj.weight"], factor * plain)
    assert checkpoint.source.startswith(f"{name}: {'Vim' if origin == 'vim' else 'OpenGVLab'}")


def test_an_image_file_that_no_name_tells_is_told_by_its_table_or_by_the_user(tmp_path):
    smooth = torch.linspace(0, 1, 17)[None, :, None].expand(1, 17, 32)
    for slot, position in ((0, "first"), (8, "middle")):
        weights = random_weights(32, 2, classes=3, slots=17)
        weights["pos_embed"] = smooth.clone()
        weights["pos_embed"][0, slot] = 3.0
        torch.save(weights, tmp_path / "net.pth")
        assert load_model(tmp_path / "net.pth").config.cls_position == position
    path = image_file(tmp_path, "net.pth")
    assert "a guess; --origin opengvlab" in load_model(path).source
    told = convert(path, tmp_path / "told", origin="opengvlab")
    assert told.config.cls_position == "first"
    with pytest.raises(ValueError, match="unknown origin 'kaist'; choose one of vim, opengvlab"):
        convert(path, tmp_path / "no", origin="kaist")
    torch.save(random_weights(32, 2, slots=5, frames=4), tmp_path / "video.pth")
    with pytest.raises(ValueError, match="it is a video model of OpenGVLab's, not Vim's"):
        convert(tmp_path / "video.pth", tmp_path / "no", origin="vim")


def test_stride_8_is_asked_for_and_makes_overlapping_patches(tmp_path):
    path = tmp_path / "vim_t_fine.pth"  # no published name, which would tell
    torch.save({"model": random_weights(32, 1, classes=3, slots=730)}, path)
    with pytest.raises(ValueError, match=r"730 slots, 27 x 27 patches: 224 pixels at stride 8.*--patch-stride 8 or 16"):
        convert(path, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
    fine = convert(path, tmp_path / "fine", patch_stride=8).config
    assert (fine.img_size, fine.grid, fine.cls_index) == (224, (1, 27, 27), 364)
    for stride in (0, 17):
        with pytest.raises(ValueError, match=f"patch stride {stride}; it must be at least 1 and at most"):
            convert(path, tmp_path / "no", patch_stride=stride)
    large = convert(path, tmp_path / "large", patch_stride=16).config
    assert (large.img_size, large.patch_stride, large.grid) == (432, None, (1, 27, 27))
    model, picture = load_model(tmp_path / "fine"), torch.randn(1, 3, 1, 224, 224)
    kernel, bias = model.patch_embed.proj.weight[:, :, 0], model.patch_embed.proj.bias
    want = torch.nn.functional.conv2d(picture[:, :, 0], kernel, bias, stride=8).flatten(2).transpose(1, 2)
    torch.testing.assert_close(model.patch_embed(picture), want)
    assert model(picture).shape == (1, 3)
    named = {
        "model": random_weights(32, 1, slots=730),
        "args": argparse.Namespace(model="vim_tiny_patch16_stride8_224"),
    }
    torch.save(named, path)
    assert load_model(path).config.patch_stride == 8


def test_a_halved_output_and_a_middle_class_token_matter():
    """The checks above can fail: without either, Vim's logits are others."""
    want = reference("vim_image")
    right = create_model("videomamba_tiny", num_classes=5, num_frames=1, tubelet_size=1, img_size=64, embed_dim=32,
                         depth=2, cls_position="middle")  # fmt: skip
    assert max(deviations(right.eval(), want, torch.float32)) > 1e-2


def test_masked_pretraining_files_come_without_decoder_and_head(tmp_path):
    weights = random_weights(32, 2, classes=0, slots=5, frames=4)
    weights["norm.weight"] = weights.pop("norm_f.weight")
    decoder = {"clip_decoder.0.head.weight": torch.ones(4, 32), "clip_decoder.0.norm.bias": torch.ones(4)}
    torch.save({"model": weights | decoder}, tmp_path / "videomamba_m16_k400_mask_pt_f8_res224.pth")
    model = load_model(tmp_path / "videomamba_m16_k400_mask_pt_f8_res224.pth")
    assert model.num_classes == 0
    assert torch.equal(model.norm.weight, weights["norm.weight"])
    assert model(torch.randn(1, 3, 4, 32, 32)).shape == (1, 32)


@pytest.mark.parametrize(
    ("classes", "first", "last"),
    [
        (1000, "tench", "toilet tissue"),
        (400, "abseiling", "zumba"),
        (174, "Approaching something with your camera", None),
    ],
)
def test_class_names_that_the_number_of_outputs_tells(classes, first, last, tmp_path):
    torch.save(random_weights(16, 1, classes=classes, slots=5, frames=2), tmp_path / "a.pth")
    names = load_model(tmp_path / "a.pth").class_names
    assert len(names) == classes
    assert names[0] == first
    assert last in (None, names[-1])


def table_in_the_docs():
    page = (Path(__file__).resolve().parents[3] / "docs" / "weights.md").read_text()
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in page.splitlines()]
    return [row for row in rows if len(row) == 6 and row[0].endswith(".pth")]


def first_of_each_size():
    """Files, of which a model is made; those of the others have the same blocks."""
    return {(row[1], row[0].startswith("vim")): row[0] for row in reversed(table_in_the_docs())}.values()


@pytest.mark.parametrize("row", table_in_the_docs(), ids=lambda row: row[0])
def test_the_table_in_the_docs(row):
    """Each published layout at full size, without storage: inferred as the table says, with so many parameters."""
    file, size, video, classes, theirs, ours = row
    width, depth = map(int, size.split(" x "))
    frames, pixels, _ = map(int, video.split(" x "))
    stride = 8 if "_ft_" in file else None
    side = (pixels - 16) // (stride or 16) + 1
    image = "in1k" in file or file.startswith("vim")
    weights = random_weights(width, depth, classes=int(classes), slots=side * side + 1,
                             frames=None if image else frames, device="meta")  # fmt: skip
    assert sum(value.numel() for value in weights.values()) == int(theirs.replace(",", ""))
    reader = vim if file.startswith("vim") else opengvlab
    checkpoint = reader.read(TensorFile(Path(file), weights, patch_stride=stride))
    assert (checkpoint.config.num_frames, checkpoint.config.img_size) == (frames, pixels)
    assert checkpoint.config.cls_position == ("middle" if file.startswith("vim") else "first")
    assert sum(value.numel() for value in checkpoint.weights.values()) == int(ours.replace(",", ""))
    if file in first_of_each_size():
        with torch.device("meta"):
            model = VideoMamba.from_checkpoint(checkpoint)
        assert sum(p.numel() for p in model.parameters()) == int(ours.replace(",", ""))


PUBLISHED = [  # width, depth, million parameters as published
    ("tiny", 192, 24, 7),
    ("small", 384, 24, 26),
    ("middle", 576, 32, 74),
]


@pytest.mark.parametrize(("size", "width", "depth", "millions"), PUBLISHED)
def test_published_parameter_counts(size, width, depth, millions):
    """Counted over the file's own tensors, before anything is folded; ours has as many for an image."""
    weights = random_weights(width, depth, device="meta")
    count = sum(value.numel() for value in weights.values())
    assert round(count / 1e6) == millions
    with torch.device("meta"):
        ours = create_model(f"videomamba_{size}", num_frames=1, tubelet_size=1, num_classes=1000)
    assert sum(p.numel() for p in ours.parameters()) == count
