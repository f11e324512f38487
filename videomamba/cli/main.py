"""The command ``videomamba``: chooses a verb, runs it, and turns users' mistakes into one line and an exit code.

0: success; 1: a bug (with its traceback); 2: the user's mistake or a bad file; 130: Ctrl-C.
"""

import difflib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from videomamba.errors import UserError
from videomamba.memory import keep_freed_memory
from videomamba.notes import UserNote

VERBS = {
    "demo": "train a small model on rendered videos, evaluate it, and plot its step sizes",
    "train": "train on a folder of your own videos, or by a recipe of the paper",
    "ablate": "train the variants of one of the paper's studies and compare them",
    "evaluate": "the figures of a checkpoint on annotated videos",
    "score": "a benchmark's official figures for any predictions, from files",
    "predict": "which class each video shows",
    "timeline": "class scores over a video of any length, as a table, a picture and a film",
    "live": "what a camera or a stream shows, as it arrives",
    "segment": "which action happens when in a long video",
    "detect": "what each person in a video does, as a video and a table",
    "features": "features of a long video's frames, for segmentation and more",
    "delta": "where and when each layer takes in a video",
    "app": "a web page that shows all this, for your own videos",
    "check": "find missing, unreadable and short videos of a data set",
    "convert": "another code base's checkpoint as a model folder",
    "export": "a checkpoint as ONNX or torch.export, for other programs",
    "info": "architecture, parameters, classes and source of a checkpoint",
    "models": "the architectures by name",
    "recipes": "the paper's training runs and their published figures",
    "benchmark": "speeds and costs on this machine",
    "env": "versions, device, decoder, and which scan runs here",
}

# Verbs that compute and do nothing beside. PyTorch's threads spin for a moment while they wait, their default, which
# makes a forward pass over a short clip a quarter faster; elsewhere they sleep, for what reads videos needs the cores.
SPINNING = {"benchmark model", "benchmark scan", "delta", "segment"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line, ``sys.argv`` by default, and returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # names of files may have bytes that are not text
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(usage(), file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    if words[0] == "--version":
        print(import_module("videomamba").__version__)
        return 0
    if words[0] not in VERBS:
        near = difflib.get_close_matches(words[0], VERBS, n=1)
        there_are = f"did you mean {near[0]}?" if near else f"there are {', '.join(VERBS)}"
        print(f"error: no command {words[0]!r}: {there_are}", file=sys.stderr)
        return 2
    if SPINNING.isdisjoint((words[0], " ".join(words[:2]))):  # before PyTorch is loaded
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch and other libraries: nothing that a user could act on
        warnings.simplefilter("default", UserNote)
        warnings.showwarning = _show_note
        return _run(words)


def usage() -> str:
    """One line per verb."""
    lines = [f"  {verb:<10} {what}" for verb, what in VERBS.items()]
    head = "usage: videomamba VERB ...    Video recognition with VideoMamba (ECCV 2024).\n"
    return "\n".join([head, *lines, "`videomamba VERB --help` has the options of each."])


def _run(words: list[str]) -> int:
    import tyro

    from videomamba.cli.common.options import invocation

    invocation.set(tuple(words))
    try:
        return tyro.cli(
            load_verb(words[0]),
            prog=f"videomamba {words[0]}",
            args=words[1:],
            config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
        )
    except SystemExit as stop:  # of the parser: --help, or arguments that it refused
        _point_out_dashes(words[1:])
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `videomamba ... --json | head`: the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UserError, OSError) as error:  # errors of files and disks
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return 2


def load_verb(name: str) -> Callable[..., int]:
    """The function of a verb, from the file of its name."""
    verb: Callable[..., int] = getattr(import_module(f"videomamba.cli.{name}"), name)
    return verb


def _point_out_dashes(words: list[str]) -> None:
    for word in words:
        if word.startswith("-") and Path(word).exists():
            print(f"note: a file whose name begins with a dash is given as ./{word}", file=sys.stderr)


def _show_note(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"note: {message}", file=sys.stderr)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split("\n"))


if __name__ == "__main__":
    sys.exit(main())
