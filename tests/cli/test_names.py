"""Names that file systems allow and people have: every verb takes them, and reads what another one wrote."""

import json
import os
import shutil

import pytest

from tests.tiny import COLOURS, OPTIONS
from videomamba.cli.main import main

NAMES = [b"caf\xe9.mp4", b'smith, "j".mp4', b"two\nlines.mp4", b"100 %.mp4", b"-odd.mp4", b"x" * 246 + b".mp4"]


@pytest.fixture
def odd(clips, tmp_path):
    """A folder per class, whose videos have these names; one class has a name that is not UTF-8."""
    root = tmp_path / "set"
    for label in COLOURS:
        folder = os.path.join(os.fsencode(root), b"r\xe9d" if label == "red" else label.encode())
        os.makedirs(folder)
        for name in NAMES:
            shutil.copy(clips / label / f"{label}_0.mp4", os.path.join(folder, name))
    (root / "blue" / "notes.txt").touch()
    return root


def test_every_verb_takes_them_and_reads_what_it_wrote(odd, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "set", "--output", "run", *OPTIONS]) == 0
    said = capsys.readouterr().err
    assert "note: 1 file with other suffixes (.txt 1) is left out in set" in said
    assert main(["evaluate", "run", "set", "--split", "run/splits.csv"]) == 0
    assert main(["train", str(odd), "--output", "run", *OPTIONS, "--resume"]) == 0
    assert main(["check", "set", "--csv", "bad.csv", "--frames", "100", "--json", "--workers", "0"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert len(found["bad"]) == len(NAMES) * 3
    assert main(["evaluate", "run", "set", "--leave-out", "bad.csv"]) == 2
    assert f"bad.csv leaves out all {len(NAMES) * 3} videos" in capsys.readouterr().err
    assert main(["predict", "set", "--checkpoint", "run", "--json"]) == 0
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)) == len(NAMES) * 3
    assert "note: 1 file with other suffixes (.txt 1) is left out" in printed.err


@pytest.mark.parametrize("suffix", ["png", "html"])
def test_drawings_of_names_that_are_not_utf8(odd, trained, tmp_path, suffix):
    video = os.fsdecode(os.path.join(os.fsencode(odd), b"blue", NAMES[0]))
    out = tmp_path / f"out.{suffix}"
    assert main(["delta", video, "--checkpoint", str(trained), "--out", str(out)]) == 0
    assert out.stat().st_size
