"""What a page is made of: checkpoints, folders that may be read, and the session's window."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from videomamba.engine.run_folder import RunFolder
from videomamba.errors import UserError
from videomamba.inference.device import resolve_device
from videomamba.inference.onnx_model import load_trained
from videomamba.models import PretrainedModel, TrainedModel, VideoMamba
from videomamba.models.weights.published import DEFAULT

NARROW, WIDE = 5.0, 9.0  # inches of figures, below and above _PHONE pixels
_PHONE = 700


@dataclass(frozen=True, eq=False)
class Setup:
    """
    Attributes:
        models: by the name that the page shows.
        device: where they compute.
        folders: what may be read, beside uploads.
        runs: the folder of runs, one of these; None without runs.
    """

    models: Mapping[str, TrainedModel]
    device: torch.device
    folders: tuple[Path, ...] = ()
    runs: Path | None = None

    def of_task(self, task: str) -> dict[str, TrainedModel]:
        return {name: model for name, model in self.models.items() if model.task == task}

    @property
    def for_timelines(self) -> dict[str, PretrainedModel]:
        """Recognisers that windows can slide through: all but .onnx files."""
        found = self.of_task("recognition").items()
        return {name: model for name, model in found if isinstance(model, PretrainedModel)}

    @property
    def with_steps(self) -> dict[str, VideoMamba]:
        """Those that have delta maps."""
        return {name: model for name, model in self.models.items() if isinstance(model, VideoMamba)}

    def check_inside(self, paths: Iterable[Path]) -> None:
        """
        Raises:
            UserError: a path that is in none of the folders that may be read, where links and dots lead.
        """
        allowed = [folder.resolve() for folder in self.folders]
        outside = [path for path in paths if not any(path.resolve().is_relative_to(folder) for folder in allowed)]
        if outside:
            above = os.path.commonpath([path.resolve().parent for path in outside])
            raise UserError(
                f"{outside[0]} is outside of the folders that the page may read: start it with --videos {above}"
            )


def load_setup(checkpoints: Sequence[str], *, device: str, runs: Path | None, videos: Sequence[Path]) -> Setup:
    """Loads the checkpoints; without any, the newest finished run's, or the default of ``videomamba predict``.

    Raises:
        UserError: a checkpoint that cannot be loaded, or a folder that is not there.
    """
    for folder in (*videos, *(() if runs is None else (runs,))):
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder")
    where = resolve_device(device)
    models: dict[str, TrainedModel] = {}
    for checkpoint in checkpoints or [_newest(runs)]:
        name = checkpoint
        while name in models:
            raise UserError(f"--checkpoint {checkpoint} is given twice")
        models[name] = load_trained(checkpoint, device).to(where).eval()
    return Setup(models, where, (*videos, *(() if runs is None else (runs,))), runs)


def _newest(runs: Path | None) -> str:
    finished = [] if runs is None else RunFolder.finished(runs)
    if not finished:
        return DEFAULT
    return str(max(finished, key=lambda run: run.ended).best)


def figure_width(window: float | None) -> float:
    """Inches of a figure for a window of so many pixels."""
    return NARROW if window is not None and window < _PHONE else WIDE
