"""The command as a whole: quick help, exit codes, one line for mistakes and a traceback for faults of ours."""

import json
import subprocess
import sys

import pytest
from tiny import OPTIONS

from videomamba.cli import main as cli
from videomamba.cli.main import VERBS, main
from videomamba.models import create_model, list_models


def command(*argv):
    return subprocess.run([sys.executable, "-m", "videomamba.cli.main", *argv], capture_output=True, text=True)


def test_help_imports_no_torch():
    code = "import sys; from videomamba.cli.main import main; c = main(['--help']); print('torch' in sys.modules, c)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False 0"
    assert all(verb in done.stdout for verb in ("demo", "train", "evaluate", "predict", "models", "env"))


def test_a_process_keeps_its_streams_apart(clips, tmp_path):
    run = tmp_path / "run"
    done = command("train", str(clips), *OPTIONS, "--workers", "1", "--output", str(run), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"] == str(run)
    lines = done.stderr.splitlines()
    parameters = f"{json.loads((run / 'config.json').read_text())['facts']['parameters']:,}"
    assert [line.split()[0] for line in lines] == ["12", parameters, "epoch", "epoch", "top-1", "next:", "next:"], (
        done.stderr
    )
    failed = command("fly")
    assert (failed.returncode, failed.stdout) == (2, "")


def test_a_reader_that_stops_early_is_no_error():
    code = "import sys; from videomamba.cli.main import main; sys.exit(main(['models', '*nano', '--json']))"
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | true; echo ${PIPESTATUS[0]}', sys.executable, code],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "0\n"
    assert "Broken pipe" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_is_one_line(capsys):
    assert main(["models", "resnet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: no model matches 'resnet'; there are videomamba_nano,")
    assert len(err.splitlines()) == 1


def test_models_counts_the_parameters(capsys):
    assert main(["models", "--json"]) == 0
    out, err = capsys.readouterr()
    rows = {row["name"]: row for row in json.loads(out)}
    assert list(rows) == list_models()
    assert rows["videomamba_small"]["parameters"] == 26_387_344
    nano = create_model("videomamba_nano")
    assert rows["videomamba_nano"]["depth"] == len(nano.blocks)
    assert "26,387,344" in err


def test_env_names_what_is_in_use(capsys):
    import torch

    assert main(["env", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["torch"] == torch.__version__.split("+")[0]
    assert facts["decoder"].startswith(("torchcodec", "pyav (torchcodec does not work here: "))
    assert facts["scan torch"].startswith("yes: ")
    assert facts[f"scan {facts['scan in use']}"].startswith("yes: ")


@pytest.mark.parametrize("argv", [[], ["fly"], ["train"], ["predict", "x"], ["models", "--bogus"]])
def test_arguments_that_cannot_be_parsed(argv, capsys):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err


def raising(error):
    def verb() -> int:
        """Fails."""
        raise error

    return verb


def test_faults_of_ours_keep_their_traceback(monkeypatch):
    """A ValueError that torch raises means that we called it wrongly."""

    def verb() -> int:
        """Fails."""
        import torch

        torch.distributions.Normal(torch.tensor(0.0), torch.tensor(-1.0))
        return 0

    monkeypatch.setitem(VERBS, "verb", verb)
    with pytest.raises(ValueError, match="Expected parameter scale"):
        main(["verb"])
    monkeypatch.setitem(VERBS, "verb", raising(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        main(["verb"])


def test_stopping_and_full_disks(monkeypatch, capsys):
    monkeypatch.setitem(VERBS, "verb", raising(KeyboardInterrupt()))
    assert main(["verb"]) == 130
    assert capsys.readouterr().err == "stopped\n"
    monkeypatch.setitem(VERBS, "verb", raising(OSError(28, "No space left on device", "run/last")))
    assert main(["verb"]) == 2
    assert capsys.readouterr().err == "error: run/last: No space left on device\n"


def test_warnings_stay_out_of_sight(monkeypatch, recwarn):
    import warnings

    def verb() -> int:
        """Warns."""
        warnings.warn("nobody can act on this", stacklevel=1)
        return 0

    monkeypatch.setitem(VERBS, "verb", verb)
    assert main(["verb"]) == 0
    assert not recwarn.list
    assert cli.__doc__
