"""What is written at the end is checked at the beginning: its place, and the package that draws it."""

from pathlib import Path

import pytest
from rich.console import Console

from videomamba.cli.common import recognition
from videomamba.cli.common.evaluation import Request
from videomamba.cli.common.outputs import check_outputs
from videomamba.errors import UserError


@pytest.fixture
def bare(monkeypatch):
    """Where no optional package is installed."""
    monkeypatch.setattr("videomamba.extras.find_spec", lambda package: None)


def test_pictures_of_benchmarks(bare, tmp_path):
    check_outputs(tmp_path / "a.csv", tmp_path / "a.md", None)
    with pytest.raises(UserError, match=r"--plot .*a\.png needs matplotlib, which is not installed"):
        check_outputs(None, None, tmp_path / "a.png")
    with pytest.raises(UserError, match=r"--plot .*a\.gif: end it in one of"):
        check_outputs(None, None, tmp_path / "a.gif")
    with pytest.raises(UserError, match="is a folder; name a file"):
        check_outputs(tmp_path, None, None)


@pytest.mark.parametrize("verb", ["detect", "segment"])
def test_pictures_of_a_video(bare, fails, verb):
    assert "needs matplotlib, which is not installed" in fails(verb, "film.mp4", "--checkpoint", "nowhere")


def test_a_reports_page(bare, tmp_path):
    request, quiet = Request(Path("data"), "model", report=tmp_path / "page"), Console(quiet=True)
    with pytest.raises(UserError, match=r"--report .*page needs matplotlib, which is not installed"):
        recognition.evaluate(None, request, quiet)
    (tmp_path / "page" / "index.html").mkdir(parents=True)
    with pytest.raises(UserError, match=r"index\.html is a folder; name a file"):
        recognition.evaluate(None, request, quiet)


@pytest.mark.parametrize(("verb", "suffix"), [("features", ".json"), ("timeline", ".png"), ("segment", ".png")])
def test_files_of_a_video(fails, tmp_path, verb, suffix):
    (tmp_path / "out" / f"film{suffix}").mkdir(parents=True)
    (tmp_path / "film.mp4").touch()
    said = fails(verb, "film.mp4", "--checkpoint", "nowhere", "--output", "out")
    assert said == f"error: out/film{suffix} is a folder; name a file to write"
