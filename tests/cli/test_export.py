"""``videomamba export``, and the verbs that take its files."""

import json

import pytest
import torch

from tests.tiny import COLOURS, MODEL
from videomamba.cli.main import main
from videomamba.models import create_model

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def run(capsys, *argv, code=0):
    capsys.readouterr()
    assert main([*map(str, argv), "--json"]) == code
    out, err = capsys.readouterr()
    return json.loads(out), err


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A model of two thin layers: what is written grows with the layers."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "small"
    create_model("videomamba_nano", class_names=tuple(sorted(COLOURS)), **MODEL).save_pretrained(folder)
    return folder


def test_from_a_model_to_an_onnx_file_and_its_predictions(small, clips, tmp_path, capsys):
    file = tmp_path / "model.onnx"
    facts, err = run(capsys, "export", small, file)
    assert facts["inputs"] == {"video": ["batch", 3, 4, 32, 32]}
    assert facts["difference"] < 1e-4
    assert facts["bytes"] == file.stat().st_size
    assert f"wrote {file}" in err
    films = clips / "red"
    want, _ = run(capsys, "predict", films, "--checkpoint", small, "--device", "cpu")
    got, _ = run(capsys, "predict", films, "--checkpoint", file)
    assert [row["path"] for row in got] == [row["path"] for row in want]
    for a, b in zip(got, want, strict=True):
        assert [x["label"] for x in a["predictions"]] == [x["label"] for x in b["predictions"]]
    want, _ = run(capsys, "evaluate", small, clips, "--device", "cpu", "--workers", 0)
    got, _ = run(capsys, "evaluate", file, clips, "--device", "cpu", "--workers", 0)
    assert got == want


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("m.txt",), "end it in .onnx"),
        (("m.onnx", "--size", "big"), "--size big: expected pixels"),
        (("m.onnx", "--batch", "0"), "--batch 0: expected a number of videos, or dynamic"),
        (("m.onnx", "--size", "33"), "33"),
        (("m.pt2", "--scan", "linear-attention"), "for .onnx files only"),
        (("nowhere/x/../m.onnx", "--frames", "3"), "num_frames"),
    ],
)
def test_options_that_do_not_fit(trained, words, message, fails, tmp_path):
    assert message in fails("export", trained, *words)
    assert not list(tmp_path.glob("m.*"))


def test_verbs_that_need_weights_say_so(clips, fails, tmp_path):
    (tmp_path / "m.onnx").touch()
    for words in (("info", "m.onnx"), ("train", clips, "--start", "m.onnx", "--epochs", "1")):
        assert "holds no weights that could be read back" in fails(*words)
