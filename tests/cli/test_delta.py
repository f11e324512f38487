"""``videomamba delta`` as people use it: picture, film, page, curve, JSON; and mistakes."""

import json

import av
import pytest
import torch

from videomamba.cli.main import main
from videomamba.data import load_clip
from videomamba.models import create_model, load_model


@pytest.fixture
def clip(clips):
    return clips / "red" / "red_0.mp4"


@pytest.mark.parametrize("options", [[], ["--overlay", "--direction", "backward", "--scale", "layer", "--layers", "1"]])
@pytest.mark.parametrize("suffix", ["png", "mp4", "html"])
def test_every_kind_of_file(suffix, options, clip, trained, tmp_path, capsys):
    out = tmp_path / "new" / f"x.{suffix}"
    assert main(["delta", str(clip), "--checkpoint", str(trained), "--out", str(out), "--device", "cpu", *options]) == 0
    assert f"wrote {out}" in capsys.readouterr().err
    assert [file.name for file in out.parent.iterdir()] == [out.name], "something half-written was left"
    start = out.read_bytes()[:200]
    assert {"png": b"\x89PNG", "mp4": b"ftyp", "html": b"<!doctype html>"}[suffix] in start
    if suffix == "mp4":
        with av.open(str(out)) as film:
            frames = list(film.decode(video=0))
        assert len(frames) == 4
        assert float(frames[-1].pts * frames[-1].time_base) == pytest.approx(0.75, abs=0.01)  # frames 1, 3, 5, 7 of 8/s


def test_json_has_the_step_sizes_of_every_layer(clip, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    argv = ["delta", str(clip), "--checkpoint", str(trained), "--curve", "curve.png", "--device", "cpu", "--json"]
    assert main(argv) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert {file.name for file in tmp_path.iterdir()} == {"red_0_delta.png", "curve.png"}
    model = load_model(trained)
    with torch.inference_mode():
        maps = model.delta_maps(load_clip(clip, model.preprocessing).video[None])[0]
    assert facts["shape"] == list(maps.shape)
    assert [(row["layer"], row["direction"]) for row in facts["layers"]] == [
        (layer, direction) for layer in range(len(maps)) for direction in ("forward", "backward")
    ]
    for row, values in zip(facts["layers"], maps.flatten(0, 1), strict=True):
        expected = [values.mean().item(), values.min().item(), values.max().item()]
        assert [row["mean"], row["min"], row["max"]] == pytest.approx(expected, rel=1e-5)
    assert facts["trend"] in " ".join(err.split())


def test_steps_inside_and_outside_of_a_region(clips, clip, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = ["--checkpoint", str(trained), "--device", "cpu", "--json"]
    assert main(["delta", str(clips / "red"), str(clips / "blue" / "*.mp4"), "--compare", "moving", *given]) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert (facts["clips"], facts["left_out"], facts["out"]) == (10, [], "delta_compare.png")
    assert (tmp_path / "delta_compare.png").read_bytes().startswith(b"\x89PNG")
    assert [(r["layer"], r["direction"]) for r in facts["layers"]][:4] == [
        *((0, d) for d in ("forward", "backward", "both")),
        (1, "forward"),
    ]
    assert all(r["low"] <= r["ratio"] <= r["high"] for r in facts["layers"])
    first = facts["layers"][0]
    assert f"{first['ratio']:.3f} ({first['low']:.3f}-{first['high']:.3f})" in err
    assert main(["delta", str(clip), "--compare", "moving", *given, "--out", "one.svg"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"][0]["low"] is None


def test_mistakes_of_a_comparison(clips, clip, trained, fails, tmp_path):
    given = ("--checkpoint", trained, "--device", "cpu")
    compare = ("delta", clips, *given, "--compare")
    assert "2 videos given; give one, or --compare" in fails("delta", clip, clip, *given)
    assert "there is no 'nowhere'; give moving, person" in fails(*compare, "nowhere")
    for option in (["--overlay"], ["--scale", "layer"], ["--layers", "0"], ["--curve", "c.png"]):
        assert "are for the maps of one video; leave them out" in fails(*compare, "moving", *option)
    assert "x.mp4: end it in one of .png, .pdf, .svg" in fails(*compare, "moving", "--out", "x.mp4")
    assert f"{tmp_path} has no mask of " in fails(*compare, tmp_path)
    assert not list(tmp_path.iterdir())


def test_mistakes(clip, trained, fails, tmp_path):
    given = ("--checkpoint", trained, "--device", "cpu")
    assert "there is no layer 99; this model has layers 0 to" in fails("delta", clip, *given, "--layers", "0,99")
    assert "--layers 1;2: give numbers with commas" in fails("delta", clip, *given, "--layers", "1;2")
    assert "x.gif: end it in one of .png, .pdf, .svg, .mp4, .html" in fails("delta", clip, *given, "--out", "x.gif")
    assert "--curve x.mp4: end it in one of .png, .pdf, .svg" in fails("delta", clip, *given, "--curve", "x.mp4")
    assert "none.mp4 does not exist" in fails("delta", "none.mp4", *given)
    (tmp_path / "no.mp4").write_bytes(b"nonsense")
    assert "no.mp4" in fails("delta", "no.mp4", *given)
    swin = create_model("video_swin_t", num_frames=4, img_size=32, class_names=["a", "b"])
    swin.save_pretrained(tmp_path / "swin")
    assert "VideoSwin, which has no step sizes" in fails("delta", clip, "--checkpoint", tmp_path / "swin")
    assert not [file for file in tmp_path.iterdir() if "delta" in file.name or file.suffix == ".png"]


def test_outputs_are_checked_before_anything_is_computed(clips, clip, trained, fails, tmp_path, monkeypatch):
    def computed(*_args, **_options):
        raise AssertionError("something was computed")

    monkeypatch.setattr("videomamba.data.load_clip", computed)
    monkeypatch.setattr("videomamba.inference.step_contrast.contrast_steps", computed)
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    given = ("--checkpoint", trained, "--device", "cpu")
    for options in (("--out",), ("--compare", "moving", "--out"), ("--curve",)):
        for name, said in (
            ("folder.png", "is a folder; name a file"),
            ("file/x.png", "not a folder that may be written"),
        ):
            assert said in fails("delta", clip, *given, *options, name)
    assert "the file of the maps too" in fails("delta", clip, *given, "--out", "a.png", "--curve", "a.png")


@pytest.mark.parametrize("options", [(), ("--compare", "moving")])
def test_figures_are_printed_before_the_picture_is_drawn(clip, trained, tmp_path, monkeypatch, capsys, options):
    """A full disk loses the picture, not what was computed."""

    def full(*_args, **_options):
        raise OSError(28, "No space left on device", "x.png")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    argv = ["delta", str(clip), "--checkpoint", str(trained), "--device", "cpu", "--out", str(tmp_path / "x.png")]
    assert main([*argv, "--json", *options]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["layers"]
    assert "step" in err
    assert "wrote" not in err
    assert err.splitlines()[-1] == "error: x.png: No space left on device"
