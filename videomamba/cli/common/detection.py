"""Detection at the command line: actions in boxes of keyframes, in AVA's form."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from videomamba.cli.common.evaluation import Request, run_evaluation
from videomamba.cli.common.options import named_options
from videomamba.errors import UserError
from videomamba.files import check_writable
from videomamba.tables import write_csv_lines

if TYPE_CHECKING:
    from videomamba.data.datasets.ava import BoxAnnotations
    from videomamba.engine import RunConfig
    from videomamba.experiments import RunResult


def evaluate(model: Any, request: Request, console: Console) -> dict[str, Any] | None:
    """Frame mAP of one part's keyframes; None in all processes but the first.

    Raises:
        UserError: a data set that cannot be read, or of other classes.
    """
    from videomamba.data.datasets.ava import read_ava
    from videomamba.tasks.detection import Detection

    data, names, detections = request.data, model.labels, request.detections
    if detections is not None:
        check_writable(detections, folder=False)
    options: dict[str, Any] = dict(named_options(request.data_option))
    annotations = read_ava(data, **options)[request.part]
    if names != annotations.class_names:
        odd = next((name for name in annotations.class_names if name not in names), "their order")
        raise UserError(f"the checkpoint's {len(names)} classes are not those of {data}'s label map: {odd} differs")
    for note in annotations.notes:
        console.print(f"note: {note}", soft_wrap=True)
    report, speaks = run_evaluation(model, Detection(names), annotations, request, console)
    if not speaks:
        return None
    _show(report, console)
    if detections is not None:
        _write(detections, report["detections"], annotations)
        console.print(f"detections: {detections}", soft_wrap=True)
    return {name: report[name] for name in ("mAP", "AP", "count")}


def after_training(run: "RunConfig", result: "RunResult") -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """mAP of the last and the best epoch, and how to look at a video."""
    figures = [
        f"mAP on {len(result.splits.test)} held-out keyframes {100 * row['mAP']:.1f} % after epoch {row['epoch']}, "
        f"{result.folder / name}"
        for name, row in (("last", result.last), ("best", result.best))
    ]
    video = result.splits.test.records[0].path
    return figures, [["videomamba", "detect", video, "--checkpoint", result.folder / "last"]]


def _show(report: dict[str, Any], console: Console) -> None:
    table = Table("class", "AP")
    for name, value in report["AP"].items():
        table.add_row(name, "no ground truth" if value is None else f"{100 * value:.1f} %")
    console.print(table)
    console.print(f"mAP {100 * report['mAP']:.1f} %  of {report['count']} keyframes")


def _write(path: Path, rows: list[Any], annotations: "BoxAnnotations") -> None:
    lines = []
    for index, box, label, score in rows:
        record = annotations.records[index]
        numbers = (f"{value:.9g}" for value in box)
        lines.append((record.video, f"{record.timestamp:04d}", *numbers, annotations.class_ids[label], f"{score:.9g}"))
    write_csv_lines(path, lines)
