"""The part of ``videomamba evaluate`` that tests detectors of actions on keyframes in AVA's form."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from videomamba.cli.evaluated import run_evaluation
from videomamba.cli.options import people, print_json
from videomamba.errors import UserError
from videomamba.files import check_writable, write_text

if TYPE_CHECKING:
    from videomamba.data.datasets.ava import BoxAnnotations


def evaluate_detector(
    model: Any,
    data: Path,
    *,
    part: str,
    options: Mapping[str, Any],
    detections: Path | None,
    batch_size: int,
    device: str,
    workers: int,
    json: bool,
) -> int:
    """Frame mAP of one part's keyframes; see :func:`videomamba.cli.evaluate.evaluate`.

    Raises:
        UserError: a data set that cannot be read, or of other classes.
    """
    from videomamba.data.datasets.ava import read_ava
    from videomamba.tasks.detection import Detection

    console = people()
    if detections is not None:
        check_writable(detections, folder=False)
    annotations = read_ava(data, **options)[part]
    names = model.labels
    if names != annotations.class_names:
        odd = next((name for name in annotations.class_names if name not in names), "their order")
        raise UserError(f"the checkpoint's {len(names)} classes are not those of {data}'s label map: {odd} differs")
    for note in annotations.notes:
        console.print(f"note: {note}", soft_wrap=True)
    task = Detection(names)
    report, speaks = run_evaluation(
        model, task, annotations, console, batch_size=batch_size, workers=workers, device=device
    )
    if not speaks:
        return 0
    _show(report, console)
    if detections is not None:
        _write(detections, report["detections"], annotations)
        console.print(f"detections: {detections}", soft_wrap=True)
    if json:
        print_json({name: report[name] for name in ("mAP", "AP", "count")})
    return 0


def _show(report: dict[str, Any], console: Console) -> None:
    table = Table("class", "AP")
    for name, value in report["AP"].items():
        table.add_row(name, "no ground truth" if value is None else f"{100 * value:.1f} %")
    console.print(table)
    console.print(f"mAP {100 * report['mAP']:.1f} %  of {report['count']} keyframes")


def _write(path: Path, rows: list[Any], annotations: "BoxAnnotations") -> None:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for index, box, label, score in rows:
        record = annotations.records[index]
        numbers = (f"{value:.9g}" for value in box)
        writer.writerow(
            (record.video, f"{record.timestamp:04d}", *numbers, annotations.class_ids[label], f"{score:.9g}")
        )
    write_text(path, text.getvalue())
