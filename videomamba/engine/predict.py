"""What a model says about video files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from videomamba.data import Annotations, VideoError, VideoRecord
from videomamba.errors import UserError
from videomamba.models import PretrainedModel
from videomamba.tasks.task import Task


@dataclass(frozen=True)
class Prediction:
    """The task's answers for one file, best first, or why there are none."""

    path: Path
    answers: list[dict[str, Any]]
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """``{path, predictions}`` or ``{path, error}``."""
        if self.error is not None:
            return {"path": str(self.path), "error": self.error}
        return {"path": str(self.path), "predictions": self.answers}


def predict(
    model: PretrainedModel,
    task: Task,
    paths: Iterable[Path],
    *,
    device: torch.device,
    num_clips: int = 1,
    top_k: int = 5,
) -> Iterator[Prediction]:
    """Predictions file by file, as they are made; a file that cannot be read gives one with its error.

    Frames are chosen and prepared exactly as :func:`videomamba.engine.evaluate` has them.

    Args:
        model: moved to the device and put in evaluation mode.
        num_clips: clips of a video whose scores are joined.
        top_k: answers per file, at most.

    Raises:
        UserError: ``num_clips`` or ``top_k`` below one.
    """
    if num_clips < 1 or top_k < 1:
        raise UserError(f"num_clips={num_clips} and top_k={top_k} must be at least 1")
    task.check_model(model)
    model.to(device).eval()
    for path in paths:
        try:
            part = Annotations((VideoRecord(path, 0),), task.class_names)
            video = task.test_dataset(part, model.preprocessing, num_clips=num_clips)[0]["video"]
        except VideoError as error:
            yield Prediction(path, [], str(error))
            continue
        with torch.inference_mode():
            scores = task.scores(task.test_outputs(model, {"video": video[None].to(device)}))
        yield Prediction(path, task.predictions(scores, top_k)[0])
