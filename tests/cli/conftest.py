import os

import pytest

from tests.tiny import OPTIONS, write_clips
from videomamba.cli.main import main


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Three classes of five clips."""
    return write_clips(tmp_path_factory.mktemp("clips") / "colours")


@pytest.fixture(scope="session")
def trained(clips, tmp_path_factory):
    """The run folder of two epochs on them, by the command."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(clips), "--output", str(folder), *OPTIONS]) == 0
    return folder


@pytest.fixture
def fails(capsys, tmp_path, monkeypatch):
    """Runs a command that must fail as a user's mistake does, and returns its last line."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: object) -> str:
        capsys.readouterr()
        assert main([os.fspath(part) if isinstance(part, os.PathLike) else str(part) for part in argv]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        notes, line = err.splitlines()[:-1], err.splitlines()[-1]
        assert line.startswith("error: ")
        assert not any("error" in note or "Traceback" in note for note in notes), err
        return line

    return run
