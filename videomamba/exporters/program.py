"""A model as a program of ``torch.export``."""

from pathlib import Path

import torch

from videomamba.exporters.exportable import Exportable

DESCRIPTION = "videomamba.json"  # the extra file of an exported program with the model's description


def traced(target: Exportable) -> torch.export.ExportedProgram:
    """The module as a graph of operators for every length that is free."""
    with torch.no_grad():
        return torch.export.export(target.module, target.example, dynamic_shapes=target.dynamic_shapes, strict=False)


def write_program(target: Exportable, path: Path, description: str) -> None:
    """Writes a .pt2 file, which ``torch.export.load`` reads where ``videomamba.ops`` was imported."""
    torch.export.save(traced(target), path, extra_files={DESCRIPTION: description})
