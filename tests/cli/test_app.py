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
    assert "there is no checkpoint model" in fails("app", "--checkpoint", "model")
