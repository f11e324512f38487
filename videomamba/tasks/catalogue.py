"""The tasks by name."""

from collections.abc import Sequence

from videomamba.errors import UserError
from videomamba.models.catalogue import CATALOGUE
from videomamba.models.segmenter_config import SegmenterConfig
from videomamba.models.trained import TrainedModel
from videomamba.tasks.detection import Detection
from videomamba.tasks.recognition import Recognition
from videomamba.tasks.segmentation import Segmentation
from videomamba.tasks.task import Task

TASKS: dict[str, type[Task]] = {"recognition": Recognition, "detection": Detection, "segmentation": Segmentation}


def task_of(model: TrainedModel) -> str:
    """The task that a model is for."""
    return model.task


_DETECTOR = "_detector"


def task_model(task: str, name: str | None) -> str | None:
    """The architecture that a task trains where people name ``name``: its detector, where actions are detected.

    Raises:
        UserError: an architecture that segmentation cannot train.
    """
    segmenters = [known for known, config in CATALOGUE.items() if isinstance(config, SegmenterConfig)]
    if task == "segmentation" and name in CATALOGUE and name not in segmenters:
        raise UserError(f"{name} sees videos, not features of frames; choose one of {', '.join(segmenters)}")
    if task == "detection" and name in CATALOGUE and f"{name}{_DETECTOR}" in CATALOGUE:
        return f"{name}{_DETECTOR}"
    return name


def make_task(name: str, class_names: Sequence[str], *, label_smoothing: float = 0.0) -> Task:
    """A task over these classes.

    Raises:
        UserError: unknown name, or classes that the task cannot tell apart.
    """
    if name not in TASKS:
        raise UserError(f"unknown task {name!r}; choose one of {', '.join(TASKS)}")
    return TASKS[name](class_names, label_smoothing=label_smoothing)
