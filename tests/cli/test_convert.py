"""``videomamba convert`` and ``info``: from somebody's file to a model that predicts."""

import json

from huggingface_hub import constants

from videomamba.cli.main import main
from videomamba.models import load_model


def test_convert_then_info_then_predict(vim, clips, tmp_path, capsys):
    out = tmp_path / "ours"
    assert main(["convert", str(vim), str(out), "--json"]) == 0
    streams = capsys.readouterr()
    converted = json.loads(streams.out)
    assert converted["path"] == str(out)
    assert "Vim, image model (by its file name)" in " ".join(streams.err.replace("\u2502", " ").split())
    assert main(["info", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"config", "parameters", "bytes", "source", "class_names"} <= facts.keys()
    assert facts == {key: value for key, value in converted.items() if key != "path"}
    assert facts["parameters"] == sum(p.numel() for p in load_model(out).parameters())
    assert facts["bytes"] == (out / "model.safetensors").stat().st_size
    assert (facts["config"]["cls_position"], facts["class_names"]) == ("middle", None)
    assert main(["predict", str(clips / "red"), "--checkpoint", str(out), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5


def test_the_papers_start_from_an_image_model(vim, clips, tmp_path):
    """Its architecture by name does not fit this narrow file; the file's own, with frames, does."""
    out = tmp_path / "run"
    argv = [
        "train",
        str(clips),
        "--start",
        str(vim),
        "--frames",
        "4",
        "--size",
        "32",
        "--epochs",
        "1",
        "--workers",
        "0",
    ]
    assert main([*argv, "--output", str(out)]) == 0
    config = load_model(out).config
    assert (config.num_frames, config.img_size, config.cls_position) == (4, 32, "middle")


def test_mistakes(vim, fails, tmp_path):
    assert "there is no checkpoint nothing.pth" in fails("convert", "nothing.pth", tmp_path / "ours")
    assert "b.pkl holds boxes, not a checkpoint: leave out --origin, --patch-stride" in fails(
        "convert", "b.pkl", tmp_path / "b.csv", "--origin", "vim", "--patch-stride", "8"
    )
    assert "is there already" in fails("convert", vim, tmp_path)
    vim.write_bytes(vim.read_bytes()[:5000])
    assert "is cut off" in fails("convert", vim, tmp_path / "ours")
    assert "is cut off" in fails("info", vim)
    assert not (tmp_path / "ours").exists()


def test_the_hub_with_the_network_off(vim, tmp_path, fails, monkeypatch):
    snapshot = tmp_path / "hub" / "models--hustvl--Vim-tiny-midclstok" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    vim.rename(snapshot / vim.name)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert main(["convert", "hf-hub:hustvl/Vim-tiny-midclstok", str(tmp_path / "ours")]) == 0
    assert load_model(tmp_path / "ours").config.cls_position == "middle"
    line = fails("convert", "hf-hub:hustvl/absent", tmp_path / "no")
    assert line.startswith("error: there is no folder hustvl/absent, and the Hub could not be asked")
    assert not (tmp_path / "no").exists()
