"""``train gtea``, ``evaluate``, ``segment`` and ``features``: from files to files."""

import csv
import json

import numpy as np
import pytest
import torch

from tests.mstcn_folder import CHANNELS, NAMES, write_mstcn
from tests.tiny import MODEL
from videomamba.cli.main import main
from videomamba.data.synthetic import write_video
from videomamba.models import create_model


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_mstcn(tmp_path_factory.mktemp("gtea") / "data")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    model = create_model("asformer", input_dim=CHANNELS, class_names=NAMES, num_layers=3, embed_dim=16)
    folder = tmp_path_factory.mktemp("model") / "segmenter"
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "backbone"
    create_model("videomamba_nano", num_classes=3, **MODEL).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "film.mp4"
    write_video(path, np.random.default_rng(0).integers(0, 255, (23, 32, 32, 3)).astype(np.uint8), fps=10)
    return path


def run(*words):
    return main([str(word) for word in words])


def test_train_all_splits_and_evaluate(data, tmp_path, capsys):
    out = tmp_path / "run"
    words = (
        "train",
        "gtea",
        "--data",
        data,
        "--splits",
        "all",
        "--model",
        "mstcn2",
        "--epochs",
        "1",
        "--device",
        "cpu",
    )
    assert run(*words, "--workers", "0", "--output", out, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["splits"]) == {"1", "2", "3", "4"}
    figures = [result["splits"][k]["last"]["F1@10"] for k in "1234"]
    assert result["mean"]["last"]["F1@10"] == pytest.approx(np.mean(figures))
    labels = tmp_path / "labels"
    assert run("evaluate", out / "split-3" / "last", data, "--predictions", labels, "--json") == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert "split 3" in captured.err
    assert report["MoF"] == pytest.approx(result["splits"]["3"]["last"]["MoF"])
    assert report["count"] == 1
    assert run("score", "segmentation", "--ground-truth", data / "groundTruth", "--predictions", labels, "--json") == 0
    scored = json.loads(capsys.readouterr().out)
    assert scored == pytest.approx({name: report[name] for name in scored})


def test_segment_features_with_truth(data, checkpoint, tmp_path, capsys):
    source, truth, out = data / "features" / "v3.npy", data / "groundTruth" / "v3.txt", tmp_path / "out"
    words = ("segment", source, "--checkpoint", checkpoint, "--truth", truth, "--output", out, "--fps", "15")
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


def test_from_a_video_to_segments(video, backbone, tmp_path, capsys):
    """In one step and in two: the same segments."""
    torch.manual_seed(0)
    segmenter = create_model("asformer_ssm", input_dim=32, class_names=NAMES, num_layers=3, embed_dim=16)
    segmenter.save_pretrained(tmp_path / "segmenter")
    assert run("features", video, "--checkpoint", backbone, "--output", tmp_path / "features", "--json") == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert (facts["shape"], facts["fps"], facts["stride"]) == ([32, 23], 10.0, 1)
    segment = ("segment", "--checkpoint", tmp_path / "segmenter", "--json")
    assert run(*segment, tmp_path / "features" / "film.npy", "--output", tmp_path / "a") == 0
    assert run(*segment, video, "--backbone", backbone, "--output", tmp_path / "b") == 0
    assert (tmp_path / "a" / "film.txt").read_text() == (tmp_path / "b" / "film.txt").read_text()
    one, two = (json.loads((tmp_path / x / "film.segments.json").read_text()) for x in "ab")
    assert one["fps"] == two["fps"] == 10.0
    assert one["segments"] == two["segments"]


def test_features_goes_on_after_a_bad_file(video, backbone, tmp_path, capsys):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    assert run("features", bad, video, "--checkpoint", backbone, "--output", tmp_path / "f", "--json") == 2
    results = json.loads(capsys.readouterr().out)
    assert "error" in results[0]
    assert results[1]["frames"] == 23
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == ["film.json", "film.npy"]


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
        (("segment", "FEATURES", "--checkpoint", "SEGMENTER", "--fps", "0"), "--fps"),
        (("segment", "NOWHERE", "--checkpoint", "SEGMENTER"), "not a readable .npy"),
        (("features", "VIDEO", "--checkpoint", "SEGMENTER"), "no VideoMamba"),
        (("features", "VIDEO", "VIDEO", "--checkpoint", "BACKBONE"), "two videos are called film"),
        (("predict", "VIDEO", "--checkpoint", "SEGMENTER"), "videomamba segment"),
        (("evaluate", "SEGMENTER", "VIDEO"), "no mapping.txt"),
    ],
)
def test_mistakes_are_one_line(words, message, data, checkpoint, backbone, video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "long.txt").write_text("pour\n" * 500)
    names = {
        "VIDEO": video,
        "FEATURES": data / "features" / "v3.npy",
        "SEGMENTER": checkpoint,
        "BACKBONE": backbone,
        "LONG": tmp_path / "long.txt",
        "NOWHERE": tmp_path / "nowhere.npy",
    }
    assert run(*(names.get(word, word) for word in words)) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] in (["long.txt"], ["long.txt", "features"], ["features", "long.txt"])
