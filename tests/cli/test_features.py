"""``videomamba features``: a file of features for each video."""

import json

from tests.mstcn_folder import write_mstcn
from videomamba.cli.main import main


def run(*words):
    return main([str(word) for word in words])


def test_features_goes_on_after_a_bad_file(film, backbone, tmp_path, capsys):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    assert run("features", bad, film, "--checkpoint", backbone, "--output", tmp_path / "f", "--json") == 2
    results = json.loads(capsys.readouterr().out)
    assert "error" in results[0]
    assert results[1]["frames"] == 23
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == ["film.json", "film.npy"]


def test_a_video_named_twice_is_one(film, backbone, tmp_path, capsys):
    words = ("features", film, film.parent, "--checkpoint", backbone, "--output", tmp_path / "f", "--json")
    assert run(*words) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_features_of_another_folder(gtea, tmp_path, capsys):
    """``--data-option features=FOLDER``, in training and in the test."""
    root = write_mstcn(tmp_path / "data")
    (root / "features").rename(root / "other")
    train = ("train", "gtea", root, "--model", "mstcn2", "--epochs", "1", "--device", "cpu", "--workers", "0")
    assert run(*train, "--output", tmp_path / "a") == 2
    assert "no folder of features" in capsys.readouterr().err
    option = ("--data-option", "features=other")
    assert run(*train, *option, "--output", tmp_path / "b") == 0
    assert run("evaluate", tmp_path / "b", root, *option) == 0
