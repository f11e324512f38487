"""Names of checkpoints: files that are broken get their own line each, the Hub works from its cache, nothing is half
written."""

import argparse
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.models.weights.foreign_files import random_weights
from videomamba.cli.main import main
from videomamba.models import VideoMamba, convert, create_model, load_model
from videomamba.models.weights.readers import read_checkpoint


@pytest.fixture
def weights():
    return random_weights(32, 2, classes=3, slots=5, frames=4)


def refusal(path):
    with pytest.raises(ValueError, match=r".") as caught:
        convert(path, path.parent / "ours")
    assert not (path.parent / "ours").exists()
    assert not [f for f in path.parent.iterdir() if f.name.startswith(".")]
    line = str(caught.value)
    assert "\n" not in line
    assert str(path) in line
    return line


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_cut_off_files(weights, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    whole = path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 10, 100):
        path.write_bytes(whole[:length])
        line = refusal(path)
        assert "is cut off" in line or "is not a readable safetensors file" in line
    path.write_bytes(b"")
    line = refusal(path)
    assert "is empty" in line or "is not a readable safetensors file" in line


def test_a_nan_is_named(weights, tmp_path):
    weights["layers.1.mixer.D_b"][3] = float("nan")
    torch.save(weights, tmp_path / "a.pth")
    assert "layers.1.mixer.D_b holds NaN or infinity" in refusal(tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["layers.1.mixer.A_b_log", "patch_embed.proj.weight", "norm_f.weight", "head.bias",
                                  "temporal_pos_embedding", "layers.0.mixer.in_proj.weight", "pos_embed"])  # fmt: skip
def test_a_renamed_key_is_missing_and_its_new_name_unexpected(weights, tmp_path, name):
    weights[f"{name}_"] = weights.pop(name)
    torch.save(weights, tmp_path / "a.pth")
    line = refusal(tmp_path / "a.pth")
    assert f"missing {name}; unexpected {name}_" in line


def test_a_missing_direction_is_not_dropped_silently(weights, tmp_path):
    torch.save({name: value for name, value in weights.items() if "_b" not in name}, tmp_path / "a.pth")
    line = refusal(tmp_path / "a.pth")
    assert "missing layers.0.mixer.A_b_log, layers.0.mixer.D_b, layers.0.mixer.conv1d_b.bias and 11 more" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3}, "holds no weights: expected tensors by name"),
        ({"conv1.weight": torch.ones(3)}, "holds no weights of Vim, OpenGVLab VideoMamba, .*such as conv1"),
        ([1, 2], "holds no weights"),
    ],
)
def test_files_of_something_else(content, message, tmp_path):
    torch.save(content, tmp_path / "a.pth")
    assert re.search(message, refusal(tmp_path / "a.pth"))


def test_text_in_a_checkpoints_clothes(tmp_path):
    (tmp_path / "a.pth").write_text("<html>404</html>")
    assert "a.pth is no PyTorch checkpoint" in refusal(tmp_path / "a.pth")


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_a_bomb_beside_the_weights_does_not_go_off(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": weights, "extra": Bomb()}, tmp_path / "a.pth")
    assert "reading it would run code from the file" in refusal(tmp_path / "a.pth")
    assert not (tmp_path / "exploded").exists()
    torch.save({"model": weights, "args": argparse.Namespace(lr=1)}, tmp_path / "b.pth")
    assert read_checkpoint(tmp_path / "b.pth").config.depth == 2


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("pos_embed", (1, 8, 32), "pos_embed has 8 slots, which is no square of patches and a class token"),
        ("norm_f.weight", (16,), r"norm_f.weight has shape (16,), where the other tensors make it (32,)"),
        ("layers.1.mixer.x_proj_b.weight", (3, 64), "where the other tensors make it (34, 64)"),
        ("patch_embed.proj.weight", (32, 4, 1, 16, 16), "expected (d, 3, [t,] p, p)"),
        ("pos_embed", (5, 32), "pos_embed has shape (5, 32); expected 3 axes"),
    ],
)
def test_tensors_of_another_shape(weights, tmp_path, name, shape, message):
    weights[name] = torch.ones(shape)
    torch.save(weights, tmp_path / "a.pth")
    assert message in refusal(tmp_path / "a.pth")


def test_whole_numbers_are_no_weights(weights, tmp_path):
    weights["head.bias"] = torch.ones(3, dtype=torch.int64)
    torch.save(weights, tmp_path / "a.pth")
    assert "head.bias has dtype torch.int64" in refusal(tmp_path / "a.pth")


def test_a_destination_that_is_taken(weights, tmp_path):
    torch.save(weights, tmp_path / "a.pth")
    (tmp_path / "ours").mkdir()
    convert(tmp_path / "a.pth", tmp_path / "ours")  # an empty folder is no obstacle
    before = (tmp_path / "ours" / "config.json").read_text()
    with pytest.raises(ValueError, match="ours is there already and not an empty folder"):
        convert(tmp_path / "a.pth", tmp_path / "ours")
    assert (tmp_path / "ours" / "config.json").read_text() == before
    with pytest.raises(ValueError, match=r"a\.pth is there already"):
        convert(tmp_path / "a.pth", tmp_path / "a.pth")


def test_a_full_disk_leaves_nothing(weights, tmp_path, capsys):
    """A limit on the size of files stands for it."""
    torch.save(weights, tmp_path / "a.pth")
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        status = main(["convert", f"{tmp_path}/a.pth", f"{tmp_path}/ours"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    err = capsys.readouterr().err
    assert status == 2, err
    assert err.startswith(f"error: {tmp_path}")
    assert "cannot be written" in err
    assert "File too large" in err
    assert len(err.splitlines()) == 1
    assert [f.name for f in tmp_path.iterdir()] == ["a.pth"]


def test_round_trips_are_bit_for_bit(weights, tmp_path):
    torch.save(weights, tmp_path / "a.pth")
    convert(tmp_path / "a.pth", tmp_path / "ours")
    first = VideoMamba.from_pretrained(tmp_path / "ours")
    first.save_pretrained(tmp_path / "again")
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("ours", "again"))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    again = VideoMamba.from_pretrained(tmp_path / "again")
    assert (again.config, again.class_names, again.preprocessing, again.source) == (
        first.config, first.class_names, first.preprocessing, first.source,
    )  # fmt: skip


def cache(tmp_path, repository, **files):
    """A repository in the layout that huggingface_hub keeps on disk."""
    folder = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc123")
    for name, source in files.items():
        shutil.copy(source, snapshot / name.replace("__", "."))
    return {"cache_dir": tmp_path / "hub", "local_files_only": True}


def test_files_on_the_hub_from_the_cache_with_the_network_off(weights, tmp_path):
    torch.save(weights, tmp_path / "a.pth")
    one = cache(tmp_path, "owner/one", videomamba_t__pth=tmp_path / "a.pth")
    assert read_checkpoint("hf-hub:owner/one", **one).config.depth == 2
    assert read_checkpoint("owner/one", **one).source.startswith("videomamba_t.pth: OpenGVLab")
    assert read_checkpoint("hf-hub:owner/one:videomamba_t.pth", **one).config.depth == 2
    convert("hf-hub:owner/one", tmp_path / "ours", **one)
    assert load_model(tmp_path / "ours").config.embed_dim == 32
    two = cache(tmp_path, "owner/two", a__pth=tmp_path / "a.pth", b__pth=tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"2 files of weights: a.pth, b.pth; name one: hf-hub:owner/two:FILE"):
        read_checkpoint("hf-hub:owner/two", **two)
    assert read_checkpoint("hf-hub:owner/two:b.pth", **two).config.depth == 2
    with pytest.raises(ValueError, match=r"there is no file c.pth of owner/two on this machine, and the Hub"):
        read_checkpoint("hf-hub:owner/two:c.pth", **two)
    ours = cache(tmp_path, "owner/three", config__json=tmp_path / "ours" / "config.json",
                 model__safetensors=tmp_path / "ours" / "model.safetensors")  # fmt: skip
    assert read_checkpoint("hf-hub:owner/three", **ours).config.embed_dim == 32


def test_push_to_hub_uploads_what_save_pretrained_writes(tmp_path, monkeypatch):
    from huggingface_hub import HfApi

    uploaded = tmp_path / "uploaded"
    monkeypatch.setattr(HfApi, "create_repo", lambda self, repo_id, **kw: argparse.Namespace(repo_id=repo_id))
    monkeypatch.setattr(
        HfApi, "upload_folder", lambda self, *, folder_path, **kw: shutil.copytree(folder_path, uploaded)
    )
    model = create_model("videomamba_nano", num_classes=2, class_names=("a", "b"))
    model.push_to_hub("owner/name")
    loaded = load_model(uploaded)
    assert loaded.class_names == ("a", "b")
    assert torch.equal(loaded.cls_token, model.cls_token)


PEAK = """
    import resource, sys
    from pathlib import Path
    from videomamba.models import convert
    def now(key):
        return int(next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(key)).split()[1])
    for path in map(Path, sys.argv[1:]):
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
        before = now("VmRSS")
        convert(path, path.with_name("ours"))
        print(now("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads Linux's /proc")
@pytest.mark.parametrize(
    "files",
    [
        pytest.param([(192, 24, ".pth")], marks=pytest.mark.slow),
        pytest.param([(384, 24, ".pth"), (384, 24, ".safetensors")], marks=pytest.mark.slow),
        pytest.param([(576, 32, ".pth")], marks=pytest.mark.slow),
    ],
    ids=["tiny", "small", "middle"],
)
def test_full_size_files_take_little_memory(tmp_path, files):
    paths = []
    for i, (width, depth, suffix) in enumerate(files):
        weights = random_weights(width, depth, classes=400, frames=16)
        paths.append(tmp_path / str(i) / f"videomamba_k400{suffix}")
        paths[-1].parent.mkdir()
        save_file(weights, paths[-1]) if suffix == ".safetensors" else torch.save({"model": weights}, paths[-1])
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(PEAK), *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for path, peak in zip(paths, done.stdout.split(), strict=True):
        assert int(peak) * 1024 <= 2.5 * path.stat().st_size
        ours = load_model(path.with_name("ours"))
        assert (ours.config.num_frames, ours.num_classes, ours.class_names[0]) == (16, 400, "abseiling")
