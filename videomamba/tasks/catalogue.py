"""The tasks by name."""

from collections.abc import Sequence

from videomamba.tasks.recognition import Recognition
from videomamba.tasks.task import Task

TASKS: dict[str, type[Task]] = {"recognition": Recognition}


def make_task(name: str, class_names: Sequence[str], *, label_smoothing: float = 0.0) -> Task:
    """A task over these classes.

    Raises:
        ValueError: unknown name, or classes that the task cannot tell apart.
    """
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}; choose one of {', '.join(TASKS)}")
    return TASKS[name](class_names, label_smoothing=label_smoothing)
