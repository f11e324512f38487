"""Each task at the command line: options that its checkpoints have no use for, and what is said after a run."""

import dataclasses
import io
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from videomamba.cli.common import faces
from videomamba.cli.common.evaluation import Request
from videomamba.errors import UserError
from videomamba.models import create_model
from videomamba.tasks.catalogue import TASKS

REQUEST = Request(Path("data"), "runs/mine")


def test_every_task_has_a_face():
    assert faces.FACES.keys() == TASKS.keys()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"detections": Path("x.csv"), "data_option": ("a=b",)}, "--data-option, --detections cannot be used with it"),
        ({"predictions": Path("x")}, "runs/mine is a recogniser: --predictions cannot be used with it"),
    ],
)
def test_an_option_of_other_tasks_is_refused(options, said):
    with pytest.raises(UserError, match=said):
        faces.evaluated(
            create_model("videomamba_nano", depth=1), dataclasses.replace(REQUEST, **options), Console(quiet=True)
        )


def test_a_segmenter_has_no_batches_and_no_workers():
    model = create_model("mstcn2", input_dim=6, class_names=("pour", "stir"))
    request = dataclasses.replace(REQUEST, batch_size=4, workers=0)
    with pytest.raises(UserError, match="is a segmenter: --batch-size, --workers cannot be used with it"):
        faces.evaluated(model, request, Console(quiet=True))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"skip_broken": -1}, "--skip-broken -1; give at least 0"),
        ({"workers": -1}, "--workers -1; give at least 0"),
        ({"batch_size": 0}, "--batch-size 0; give at least 1"),
        ({"crops": 0}, "--crops 0; give at least 1"),
    ],
)
def test_numbers_that_are_too_low(option, said):
    with pytest.raises(UserError, match=said):
        dataclasses.replace(REQUEST, **option)


def test_a_tasks_own_options_and_its_defaults_are_taken(monkeypatch):
    face = dataclasses.replace(faces.FACES["recognition"], evaluate=lambda model, request, console: {"asked": request})
    monkeypatch.setattr(faces, "FACES", {**faces.FACES, "recognition": face})
    request = dataclasses.replace(REQUEST, clips=4, split="a.csv")
    assert faces.evaluated(create_model("videomamba_nano", depth=1), request, Console(quiet=True)) == {"asked": request}


def test_commands_that_follow_can_be_typed(monkeypatch):
    words = ["videomamba", "predict", Path("a film.mp4")]
    face = dataclasses.replace(faces.FACES["recognition"], after_training=lambda *_: (["top-1: 50 %"], [words]))
    monkeypatch.setattr(faces, "FACES", {"recognition": face})
    said = io.StringIO()
    faces.tell(SimpleNamespace(task="recognition"), None, Console(file=said, width=500))
    figures, command = said.getvalue().splitlines()
    assert figures == "top-1: 50 %"
    assert shlex.split(command.removeprefix("next: ")) == list(map(str, words))
