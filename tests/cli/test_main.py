"""The command as a whole: quick help, exit codes, one line for mistakes and a traceback for faults of ours."""

import json
import os
import subprocess
import sys

import pytest

from tests.tiny import OPTIONS
from videomamba.cli import main as cli
from videomamba.cli.main import VERBS, load_verb, main
from videomamba.models import create_model, list_models


def test_help_imports_no_torch():
    heavy = "[m for m in ('torch', 'tyro', 'rich', 'numpy') if m in sys.modules]"
    code = f"import sys; from videomamba.cli.main import main; c = main(['--help']); print({heavy}, c)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *page, last = done.stdout.splitlines()
    assert last == "[] 0"
    assert len(page) <= 24, "one screen"
    assert all(len(line) <= 100 for line in page)
    assert [line.split()[0] for line in page if line.startswith("  ")] == list(VERBS)


WITH_TORCH = ("train", "ablate")  # their options are the fields of a run's configuration


def test_verbs_have_help_without_torch():
    verbs = [verb for verb in VERBS if verb not in WITH_TORCH]
    run = f"for verb in {verbs}: c = main([verb, '-h']); print('after', verb, 'torch' in sys.modules, c)"
    code = f"import sys; from videomamba.cli.main import main\n{run}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("after ")] == [f"after {verb} False 0" for verb in verbs]
    assert [verb for verb in verbs if not any(f"usage: videomamba {verb} " in line for line in lines)] == []


@pytest.mark.parametrize("verb", WITH_TORCH)
def test_a_verb_has_help(verb, capsys):
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: videomamba {verb}" in out
    assert "--batch-size" in out


def test_every_file_of_the_room_is_a_verb_or_a_part_of_one():
    for verb in VERBS:
        assert load_verb(verb).__name__ == verb


def test_near_verbs_are_named(capsys):
    assert main(["predcit", "x"]) == 2
    assert capsys.readouterr().err == "error: no command 'predcit': did you mean predict?\n"


def test_a_file_with_a_dash_is_pointed_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-abc.mp4").touch()
    assert main(["predict", "-abc.mp4"]) == 2
    assert "given as ./-abc.mp4" in capsys.readouterr().err


@pytest.fixture
def verb(monkeypatch):
    """Puts a function in the place of a verb."""
    return lambda function: monkeypatch.setattr(cli, "load_verb", lambda name: function)


def test_a_process_keeps_its_streams_apart(forks, clips, tmp_path):
    run = tmp_path / "run"
    done = forks.run("train", clips, *OPTIONS, "--workers", 1, "--output", run, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["run"] == str(run)
    lines = done.err.splitlines()
    parameters = f"{json.loads((run / 'config.json').read_text())['facts']['parameters']:,}"
    assert [line.split()[0] for line in lines] == [
        "12",
        parameters,
        "epoch",
        "epoch",
        "top-1",
        "baseline:",
        "next:",
        "next:",
    ], done.err
    failed = subprocess.run([sys.executable, "-m", "videomamba.cli.main", "fly"], capture_output=True, text=True)
    assert (failed.returncode, failed.stdout) == (2, "")


PRINTING = """
import sys
from videomamba.cli import main as cli
from videomamba.cli.common.options import print_json

def prints() -> int:
    print_json({"name": "videomamba_nano"})
    return 0

cli.load_verb = lambda name: prints
sys.exit(cli.main(["models"]))
"""


def test_a_reader_that_stops_early_is_no_error():
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | true; echo ${PIPESTATUS[0]}', sys.executable, PRINTING],
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
    assert facts["products of --bf16"].startswith(("bfloat16: ", "float32: "))


@pytest.mark.parametrize("argv", [[], ["fly"], ["train"], ["predict", "x"], ["models", "--bogus"]])
def test_arguments_that_cannot_be_parsed(argv, capsys):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err


def raising(error):
    def fails() -> int:
        """Fails."""
        raise error

    return fails


def test_faults_of_ours_keep_their_traceback(verb):
    """A ValueError that torch raises means that we called it wrongly."""

    def fails() -> int:
        """Fails."""
        import torch

        torch.optim.SGD([torch.zeros(1)], lr=-1.0)
        return 0

    verb(fails)
    with pytest.raises(ValueError, match="Invalid learning rate"):
        main(["env"])
    verb(raising(ValueError("zip() argument 2 is shorter than argument 1")))  # as our own zip(strict=True) raises
    with pytest.raises(ValueError, match="zip"):
        main(["env"])
    verb(raising(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        main(["env"])


def test_stopping_and_full_disks(verb, capsys):
    verb(raising(KeyboardInterrupt()))
    assert main(["env"]) == 130
    assert capsys.readouterr().err == "stopped\n"
    verb(raising(OSError(28, "No space left on device", "run/last")))
    assert main(["env"]) == 2
    assert capsys.readouterr().err == "error: run/last: No space left on device\n"


def test_warnings_stay_out_of_sight(verb, recwarn):
    import warnings

    def warns() -> int:
        """Warns."""
        warnings.warn("nobody can act on this", stacklevel=1)
        return 0

    verb(warns)
    assert main(["env"]) == 0
    assert not recwarn.list


@pytest.mark.parametrize(
    ("words", "policy"),
    [("train", "PASSIVE"), ("predict", "PASSIVE"), ("benchmark data", "PASSIVE"), ("benchmark model", None)],
)
def test_threads_sleep_where_something_reads_beside(words, policy, monkeypatch):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr("videomamba.cli.main._run", lambda words: 0)
    assert main(words.split()) == 0
    assert environment.get("OMP_WAIT_POLICY") == policy
