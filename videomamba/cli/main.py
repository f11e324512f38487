"""The command ``videomamba``: parses, runs a verb, and turns mistakes into one line and an exit code.

0 good, 1 a fault of ours (with its traceback), 2 the user's mistake or a bad file, 130 Ctrl-C.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import tyro

from videomamba.cli.ablate import ablate
from videomamba.cli.benchmark import benchmark
from videomamba.cli.check import check
from videomamba.cli.convert import convert
from videomamba.cli.delta import delta
from videomamba.cli.demo import demo
from videomamba.cli.detect import detect
from videomamba.cli.env import env
from videomamba.cli.evaluate import evaluate
from videomamba.cli.features import features
from videomamba.cli.info import info
from videomamba.cli.models import models
from videomamba.cli.options import invocation
from videomamba.cli.predict import predict
from videomamba.cli.recipes import recipes
from videomamba.cli.score import score
from videomamba.cli.segment import segment
from videomamba.cli.train import train
from videomamba.errors import UserError
from videomamba.notes import UserNote

# before PyTorch is loaded: waiting threads that spin take a core from the processes that read videos (training is a
# quarter slower with 2 cores)
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

VERBS = {
    verb.__name__: verb
    for verb in (
        *(demo, train, ablate, evaluate, score),  # learn and judge
        *(predict, segment, detect, features, delta),  # ask
        *(check, convert, info, models, recipes, benchmark, env),  # know
    )
}
DESCRIPTION = "Video recognition with VideoMamba (ECCV 2024). `videomamba VERB --help` says more about each."


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line, ``sys.argv`` by default, and returns the exit code."""
    invocation.set(tuple(sys.argv[1:] if argv is None else argv))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's and its friends': nothing that a user here could act on
        warnings.simplefilter("default", UserNote)
        warnings.showwarning = _show_note
        try:
            return tyro.extras.subcommand_cli_from_dict(
                VERBS,
                prog="videomamba",
                description=DESCRIPTION,
                args=argv,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
            )
        except SystemExit as stop:  # of the parser: --help, or arguments that it refused
            return stop.code if isinstance(stop.code, int) else 2
        except KeyboardInterrupt as stop:
            print(str(stop) or "stopped", file=sys.stderr)
            return 130
        except BrokenPipeError:  # `videomamba ... --json | head`: the reader has what it wanted
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (UserError, OSError) as error:  # files and disks fail for reasons of their own
            print(f"error: {_one_line(error)}", file=sys.stderr)
            return 2


def _show_note(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"note: {message}", file=sys.stderr)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split("\n"))


if __name__ == "__main__":
    sys.exit(main())
