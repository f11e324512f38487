"""A model as a program of ``torch.export``."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch

from videomamba.errors import UserError
from videomamba.exporters.exportable import Exportable
from videomamba.exporters.swin_mask import short_masks
from videomamba.models.custom import CustomModel

DESCRIPTION = "videomamba.json"  # the extra file of an exported program with the model's description


def traced(target: Exportable) -> torch.export.ExportedProgram:
    """The module as a graph of operators for every length that is free.

    Raises:
        UserError: somebody's own module that cannot be traced.
    """
    with blamed_on_module(target), short_masks(), torch.no_grad():
        return torch.export.export(target.module, target.example, dynamic_shapes=target.dynamic_shapes, strict=False)


@contextlib.contextmanager
def blamed_on_module(target: Exportable) -> Iterator[None]:
    """What stops the export of a :class:`.CustomModel` is its module, and one line says so; of our models it is a bug.

    Raises:
        UserError: see there.
    """
    try:
        yield
    except Exception as error:  # of many classes
        if isinstance(error, UserError) or not isinstance(target.model, CustomModel):
            raise
        cause = error.__cause__ or error
        reason = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
        raise UserError(f"{target.model.config.module} cannot be exported: {reason}") from error


def write_program(target: Exportable, path: Path, description: str) -> None:
    """Writes a .pt2 file, which ``torch.export.load`` reads where ``videomamba.ops`` was imported."""
    torch.export.save(traced(target), path, extra_files={DESCRIPTION: description})
