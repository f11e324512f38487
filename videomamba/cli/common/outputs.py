"""Files that commands write."""

from collections.abc import Sequence
from pathlib import Path

from videomamba.errors import UserError
from videomamba.extras import require
from videomamba.files import PICTURES, check_writable


def check_suffix(name: str, file: Path, kinds: Sequence[str] = PICTURES) -> None:
    """
    Raises:
        UserError: the file given for the option ``name`` is none of these kinds.
    """
    if file.suffix not in kinds:
        raise UserError(f"{name} {file}: end it in one of {', '.join(kinds)}")


def check_outputs(csv: Path | None, markdown: Path | None, plot: Path | None) -> None:
    """Checks before the work that its files can be written.

    Raises:
        UserError: one cannot, ``plot`` is no picture, or what draws it is not installed.
    """
    for file in (csv, markdown, plot):
        if file is not None:
            check_writable(file, folder=False)
    if plot is not None:
        check_suffix("--plot", plot)
        require("matplotlib", f"--plot {plot}")
