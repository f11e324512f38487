"""``train gtea``, ``evaluate``, ``segment`` and ``features``: from files to files."""

import csv
import json

import numpy as np
import pytest
import torch

from tests.mstcn_folder import NAMES
from videomamba.cli.main import main
from videomamba.models import create_model


def run(*words):
    return main([str(word) for word in words])


def test_segment_features_with_truth(gtea, segmenter, tmp_path, capsys):
    source, truth, out = gtea / "features" / "v3.npy", gtea / "groundTruth" / "v3.txt", tmp_path / "out"
    words = ("segment", source, "--checkpoint", segmenter, "--truth", truth, "--output", out, "--fps", "15")
    assert run(*words, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    labels = (out / "v3.txt").read_text().split()
    assert len(labels) == result["frames"] == np.load(source).shape[1]
    rebuilt = [s["label"] for s in result["segments"] for _ in range(s["end"] - s["start"])]
    assert rebuilt == labels
    rows = list(csv.DictReader((out / "v3.segments.csv").open()))
    assert [(r["label"], int(r["start"])) for r in rows] == [(s["label"], s["start"]) for s in result["segments"]]
    assert float(rows[-1]["end_seconds"]) == pytest.approx(len(labels) / 15)
    right = np.mean([a == b for a, b in zip(labels, truth.read_text().split(), strict=True)])
    assert result["scores"]["MoF"] == pytest.approx(100 * right)
    assert (out / "v3.png").read_bytes()[1:4] == b"PNG"
    assert json.loads((out / "v3.segments.json").read_text())["segments"] == result["segments"]


def test_from_a_video_to_segments(film, backbone, tmp_path, capsys):
    """In one step and in two: the same segments."""
    torch.manual_seed(0)
    segmenter = create_model("asformer_ssm", input_dim=32, class_names=NAMES, num_layers=3, embed_dim=16)
    segmenter.save_pretrained(tmp_path / "segmenter")
    assert run("features", film, "--checkpoint", backbone, "--output", tmp_path / "features", "--json") == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert (facts["shape"], facts["fps"], facts["stride"]) == ([32, 23], 10.0, 1)
    segment = ("segment", "--checkpoint", tmp_path / "segmenter", "--json")
    assert run(*segment, tmp_path / "features" / "film.npy", "--output", tmp_path / "a") == 0
    assert run(*segment, film, "--backbone", backbone, "--output", tmp_path / "b") == 0
    assert (tmp_path / "a" / "film.txt").read_text() == (tmp_path / "b" / "film.txt").read_text()
    one, two = (json.loads((tmp_path / x / "film.segments.json").read_text()) for x in "ab")
    assert one["fps"] == two["fps"] == 10.0
    assert one["segments"] == two["segments"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("segment", "VIDEO", "--checkpoint", "SEGMENTER"), "--backbone"),
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--backbone", "BACKBONE"), "features already"),
        (("segment", "FEATURES", "--checkpoint", "BACKBONE"), "a model of sequences"),
        (
            ("segment", "VIDEO", "--checkpoint", "SEGMENTER", "--backbone", "BACKBONE"),
            "32 channels, the segmenter takes 6",
        ),
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--truth", "LONG"), "expected one for each"),
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--truth", "DANCE"), "not one label is a class"),
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--truth", "NOWHERE"), "nowhere.npy"),
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--fps", "0"), "--fps"),
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--fps", "inf"), "--fps"),
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--stride", "2"), "--stride goes with a video"),
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--output", "DANCE"), "is a file; name a folder"),
        (("segment", "NOWHERE", "--checkpoint", "SEGMENTER"), "not a readable .npy"),
        (("segment", "TEXT", "--checkpoint", "SEGMENTER"), "text.NPY is no .npy file"),
        (("segment", ".", "--checkpoint", "SEGMENTER"), ". is a folder; give one"),
        (("features", "VIDEO", "--checkpoint", "BACKBONE", "--batch-size", "0"), "batch_size=0; it must be at least 1"),
        (("features", "VIDEO", "--checkpoint", "BACKBONE", "--stride", "0"), "stride=0; it must be at least 1"),
        (("features", "VIDEO", "--checkpoint", "BACKBONE", "--overlap", "1"), "overlap=1.0; it must be"),
        (("features", "VIDEO", "--checkpoint", "SEGMENTER"), "not a VideoMamba"),
        (("features", "VIDEO", "OTHER", "--checkpoint", "BACKBONE"), "two videos are called film"),
        (("evaluate", "SEGMENTER", "DATA", "--data-option", "bogus=1"), "unknown option bogus of features"),
        (("evaluate", "SEGMENTER", "DATA", "--clips", "3"), "is a segmenter: --clips cannot be used"),
        (("evaluate", "SEGMENTER", "DATA", "--predictions", "DATA/groundTruth"), "written over the true labels"),
        (("evaluate", "SEGMENTER", "DATA", "--predictions", "DANCE"), "is a file; name a folder"),
        (("evaluate", "BACKBONE", "DATA"), "MS-TCN's layout, no videos"),
        (
            ("train", "gtea", "DATA", "--model", "videomamba_small"),
            "choose one of asformer, asformer_ssm, mstcn2",
        ),
        (("train", "gtea", "DATA", "--data-option", "bogus=1"), "unknown option bogus of features"),
        (("predict", "VIDEO", "--checkpoint", "SEGMENTER"), "videomamba segment"),
        (("evaluate", "SEGMENTER", "VIDEO"), "no mapping.txt"),
    ],
)
def test_mistakes_are_one_line(
    words, message, gtea, segmenter, backbone, film, tmp_path, tmp_path_factory, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "long.txt").write_text("pour\n" * 500)
    (tmp_path / "dance.txt").write_text("dance\n")
    (tmp_path / "text.NPY").write_text("no features")
    before = sorted(tmp_path.rglob("*"))
    names = {
        "VIDEO": film,
        "FEATURES": gtea / "features" / "v3.npy",
        "SEGMENTER": segmenter,
        "BACKBONE": backbone,
        "OTHER": tmp_path_factory.mktemp("other") / film.name,
        "DATA": gtea,
        "DATA/groundTruth": gtea / "groundTruth",
        "LONG": tmp_path / "long.txt",
        "DANCE": tmp_path / "dance.txt",
        "TEXT": tmp_path / "text.NPY",
        "NOWHERE": tmp_path / "nowhere.npy",
    }
    names["OTHER"].write_bytes(film.read_bytes())
    assert run(*(names.get(word, word) for word in words)) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_true_labels_are_not_written_over(gtea, segmenter, tmp_path, capsys):
    truth = tmp_path / "v3.txt"
    truth.write_bytes((gtea / "groundTruth" / "v3.txt").read_bytes())
    before = truth.read_bytes()
    words = ("segment", gtea / "features" / "v3.npy", "--checkpoint", segmenter, "--truth", truth)
    assert run(*words, "--output", tmp_path) == 2
    assert "over the true ones" in capsys.readouterr().err
    assert truth.read_bytes() == before


@pytest.mark.parametrize(
    "beside",
    ['{"fps": 30, "stride": 0}', '{"fps": NaN, "stride": 1}', '{"fps": -3, "stride": 1}', '{"fps": "x", "stride": 1}'],
)
def test_a_json_without_a_rate_beside_features_is_said_to_be(beside, gtea, segmenter, tmp_path, capsys):
    source = tmp_path / "v.npy"
    source.write_bytes((gtea / "features" / "v3.npy").read_bytes())
    source.with_suffix(".json").write_text(beside)
    assert run("segment", source, "--checkpoint", segmenter, "--output", tmp_path / "out") == 2
    err = capsys.readouterr().err
    assert "is not a rate between" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert run("segment", source, "--checkpoint", segmenter, "--output", tmp_path / "out", "--fps", "15") == 0


def test_another_json_beside_features_says_nothing(gtea, segmenter, tmp_path):
    source = tmp_path / "v.npy"
    source.write_bytes((gtea / "features" / "v3.npy").read_bytes())
    source.with_suffix(".json").write_text("[]")
    assert run("segment", source, "--checkpoint", segmenter, "--output", tmp_path / "out") == 0
    assert json.loads((tmp_path / "out" / "v.segments.json").read_text())["fps"] is None


def test_all_files_or_none(gtea, segmenter, tmp_path, monkeypatch, capsys):
    def full_disk(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full_disk)
    source = gtea / "features" / "v3.npy"
    assert run("segment", source, "--checkpoint", segmenter, "--output", tmp_path / "out") == 2
    assert "No space left" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
