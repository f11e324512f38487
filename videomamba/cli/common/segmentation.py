"""Segmentation at the command line: an action for every frame, in MS-TCN's layout."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from videomamba.cli.common.evaluation import Request, run_evaluation
from videomamba.cli.common.options import named_options
from videomamba.errors import UserError
from videomamba.files import check_writable, read_json, write_text

if TYPE_CHECKING:
    from videomamba.data.datasets.mstcn import FeatureAnnotations
    from videomamba.engine import RunConfig
    from videomamba.experiments import RunResult


def evaluate(model: Any, request: Request, console: Console) -> dict[str, Any] | None:
    """MoF, Edit and F1 of one part of a split; None in all processes but the first.

    Raises:
        UserError: a data set that cannot be read, or of other classes or channels.
    """
    from videomamba.data.datasets.mstcn import read_mstcn
    from videomamba.tasks.segmentation import Segmentation

    data, names, predictions = request.data, model.labels, request.predictions
    if predictions is not None:
        check_writable(predictions, folder=True)
        if predictions.resolve() == (data / "groundTruth").resolve():
            raise UserError(f"--predictions {predictions} would be written over the true labels; name another folder")
    own = _fold_of_run(request.checkpoint)
    if request.splits is None and own is not None:
        console.print(f"note: split {own}, which this run was trained on; --splits N is another")
    options = named_options(request.data_option)
    annotations = read_mstcn(data, fold=request.splits or own, **options)[request.part]
    _check(annotations, names, model.config.input_dim, data)
    for note in annotations.notes:
        console.print(f"note: {note}", soft_wrap=True)
    whole = dataclasses.replace(request, batch_size=1, workers=0)  # videos of any length, quickly read
    report, speaks = run_evaluation(model, Segmentation(names), annotations, whole, console)
    if not speaks:
        return None
    found = report.pop("predictions")
    figures = {name: value for name, value in report.items() if name != "loss"}
    _show(figures, console)
    if predictions is not None:
        _write(predictions, {annotations.records[i].name: [names[label] for label in found[i]] for i in found})
        console.print(f"frame labels: {predictions}", soft_wrap=True)
    return figures


def after_training(run: "RunConfig", result: "RunResult") -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """The figures of the last and the best epoch, and how to look at a video."""
    from videomamba.tasks.metrics.segmentation import FIGURES

    figures = [
        f"{len(result.splits.test)} held-out videos after epoch {row['epoch']}: "
        f"{'  '.join(f'{figure} {row[figure]:.1f}' for figure in FIGURES)}  ({result.folder / name})"
        for name, row in (("last", result.last), ("best", result.best))
    ]
    features = result.splits.test.records[0].path
    return figures, [["videomamba", "segment", features, "--checkpoint", result.folder / "last"]]


def _fold_of_run(checkpoint: str) -> int | None:
    """The split that a run folder was trained on; None for a checkpoint that does not say."""
    for folder in (Path(checkpoint), Path(checkpoint).parent):
        try:
            data = read_json(folder / "config.json")["data"]
        except (UserError, KeyError, TypeError):
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
