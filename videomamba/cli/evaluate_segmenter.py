"""The part of ``videomamba evaluate`` that tests segmenters on features and frame labels in MS-TCN's layout."""

import json as json_module
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from videomamba.cli.evaluated import run_evaluation
from videomamba.cli.options import people, print_json
from videomamba.errors import UserError
from videomamba.files import check_writable, write_text

if TYPE_CHECKING:
    from videomamba.data.datasets.mstcn import FeatureAnnotations


def evaluate_segmenter(
    model: Any,
    checkpoint: str,
    data: Path,
    *,
    part: str,
    fold: int | None,
    options: Mapping[str, Any],
    predictions: Path | None,
    device: str,
    json: bool,
) -> int:
    """MoF, Edit and F1 of one part of a split; see :func:`videomamba.cli.evaluate.evaluate`.

    Raises:
        UserError: a data set that cannot be read, or of other classes or channels.
    """
    from videomamba.data.datasets.mstcn import read_mstcn
    from videomamba.tasks.segmentation import Segmentation

    console = people()
    if predictions is not None:
        check_writable(predictions, folder=True)
        if predictions.resolve() == (data / "groundTruth").resolve():
            raise UserError(f"--predictions {predictions} would be written over the true labels; name another folder")
    own = _fold_of_run(checkpoint)
    if fold is None and own is not None:
        console.print(f"note: split {own}, which this run was trained on; --splits N is another")
    annotations = read_mstcn(data, fold=fold or own, **options)[part]
    names = model.labels
    _check(annotations, names, model.config.input_dim, data)
    for note in annotations.notes:
        console.print(f"note: {note}", soft_wrap=True)
    task = Segmentation(names)
    report, speaks = run_evaluation(model, task, annotations, console, batch_size=1, workers=0, device=device)
    if not speaks:
        return 0
    found = report.pop("predictions")
    figures = {name: value for name, value in report.items() if name != "loss"}
    _show(figures, console)
    if predictions is not None:
        _write(predictions, {annotations.records[i].name: [names[label] for label in found[i]] for i in found})
        console.print(f"frame labels: {predictions}", soft_wrap=True)
    if json:
        print_json(figures)
    return 0


def _fold_of_run(checkpoint: str) -> int | None:
    """The split that a run folder was trained on; None for a checkpoint that does not say."""
    for folder in (Path(checkpoint), Path(checkpoint).parent):
        try:
            data = json_module.loads((folder / "config.json").read_text())["data"]
        except (OSError, ValueError, KeyError):
            continue
        return data.get("fold") or 1
    return None


def _check(annotations: "FeatureAnnotations", names: tuple[str, ...], channels: int, data: Path) -> None:
    if annotations.class_names != names:
        odd = next((name for name in annotations.class_names if name not in names), "their order")
        raise UserError(f"the checkpoint's {len(names)} classes are not those of {data}/mapping.txt: {odd} differs")
    if annotations.channels != channels:
        raise UserError(f"the checkpoint takes features of {channels} channels, {data} has {annotations.channels}")


def _show(figures: Mapping[str, float], console: Console) -> None:
    table = Table(*(name for name in figures if name != "count"))
    table.add_row(*(f"{value:.2f} %" for name, value in figures.items() if name != "count"))
    console.print(table)
    console.print(f"{figures['count']} videos; segments of background are left out of Edit and F1")


def _write(folder: Path, labels: Mapping[str, list[str]]) -> None:
    for name, rows in labels.items():
        write_text(folder / f"{name}.txt", "\n".join(rows) + "\n")
