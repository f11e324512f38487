"""``videomamba app``: its options, and what it says of the address that it listens on."""

import pytest

from tests.tiny import MODEL
from videomamba.cli.main import main
from videomamba.models import create_model

pytest.importorskip("gradio", reason="gradio is not installed")


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What the server was asked for; it ends as by Ctrl-C."""
    from videomamba.app import serve as module

    given = {}

    def serve(setup, *, ready, **options):
        given.update(options, setup=setup)
        ready("http://address:7860/")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "serve", serve)
    monkeypatch.chdir(tmp_path)
    create_model("videomamba_nano", num_classes=2, **MODEL).save_pretrained("model")
    return given


def test_it_listens_here_unless_told_otherwise(asked, capsys):
    assert main(["app", "--checkpoint", "model", "--checkpoint", "./model", "--device", "cpu"]) == 130
    assert asked["host"] == "127.0.0.1"
    assert list(asked["setup"].models) == ["model", "./model"]
    assert asked["setup"].runs is None
    err = capsys.readouterr().err
    assert "http://address:7860/" in err
    assert "note:" not in err


def test_another_host_says_what_that_means(asked, capsys, tmp_path):
    (tmp_path / "runs").mkdir()
    assert main(["app", "--checkpoint", "model", "--host", "0.0.0.0", "--max-upload", "9", "--device", "cpu"]) == 130
    err = capsys.readouterr().err
    assert "note: --host 0.0.0.0: whoever can reach this computer can use the page, without a password" in err
    assert "up to 9 MB" in err
    assert str(asked["setup"].runs) == "runs", "they are shown where they are"


def test_mistakes(fails):
    assert "--max-upload 0; give at least 1 MB" in fails("app", "--checkpoint", "model", "--max-upload", "0")
    assert "--port 70000; give 1 to 65535" in fails("app", "--checkpoint", "model", "--port", "70000")
    assert "none are shown; add --runs DIR" in fails("app", "--checkpoint", "model", "--videos", ".")
    assert "there is no checkpoint model" in fails("app", "--checkpoint", "model")


@pytest.mark.slow
def test_uploads_are_gone_after_sigterm(tmp_path):
    """The real process, ended as a service manager ends it."""
    import os
    import signal
    import subprocess
    import sys
    import urllib.request

    create_model("videomamba_nano", num_classes=2, **MODEL).save_pretrained(tmp_path / "model")
    environment = {**os.environ, "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "videomamba.cli.main", "app", "--checkpoint", "model", "--device", "cpu"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        address = line.split(": ")[1].split()[0]
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.status == 200
        assert list(tmp_path.glob("videomamba-app-*/examples/*.mp4"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    finally:
        process.kill()
    assert list(tmp_path.glob("videomamba-app-*")) == []
