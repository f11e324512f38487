"""Annotated videos by the options that several verbs share, and what people should know of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import Console

from videomamba.cli.common.options import option, require_split
from videomamba.errors import UserError

if TYPE_CHECKING:
    from videomamba.data import Annotations

Layout = Annotated[str | None, option("NAME", "published layout of the data: kinetics, ssv2, hmdb51 or breakfast")]
Fold = Annotated[int | None, option("N", "which of the layout's published splits (the first)")]


def annotated_videos(
    data: Path,
    *,
    split: str | None,
    hold_out: str | None,
    layout: str | None,
    fold: int | None,
    missing_ok: bool | None = None,
) -> "dict[str, Annotations]":
    """Parts of a csv file, of a published layout or of a folder; ``missing_ok`` None is as the layout has it.

    Raises:
        UserError: unknown layout, options that exclude each other, or data that cannot be read.
    """
    from videomamba.data import read_csv, read_folder
    from videomamba.data.datasets import FOLDS, VIDEO_LAYOUTS, read_layout

    require_split(split, hold_out)
    if layout is None:
        if fold is not None:
            raise UserError(f"--splits {fold} needs --layout, the published layout that has several splits")
        if split is None:
            return read_folder(data)
        return read_csv(split, root=data, hold_out=hold_out, missing_ok=bool(missing_ok))
    if split is not None:
        raise UserError(f"--layout {layout} has splits of its own: give it or --split {split}, not both")
    if layout not in VIDEO_LAYOUTS:
        raise UserError(f"unknown layout {layout!r}; choose one of {', '.join(VIDEO_LAYOUTS)}")
    if fold is not None and not 1 <= fold <= FOLDS.get(layout, 1):
        raise UserError(f"--splits {fold}: {layout} has {FOLDS.get(layout, 1)}")
    options = {} if missing_ok is None else {"missing_ok": missing_ok}
    return read_layout(layout, data, fold=fold, **options)


def point_out_notes(parts: Mapping[str, Any], console: Console) -> None:
    """Notes on how the data were found, one per line."""
    for part in parts.values():
        for note in getattr(part, "notes", ()):
            console.print(f"note: {note}", soft_wrap=True)


def point_out_missing(parts: Mapping[str, Any], console: Console) -> None:
    """One line for each part that has fewer videos than were published, as Kinetics always has."""
    for name, part in parts.items():
        published = getattr(part, "published", None)
        if published is not None and published > len(part):
            console.print(f"note: {len(part)} of the {published} videos of the {name} part are here", soft_wrap=True)
