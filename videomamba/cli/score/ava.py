"""``videomamba score ava``: frame mAP of any detections, as AVA's official evaluator computes it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from videomamba.cli.common.options import people, print_json
from videomamba.errors import UserError

if TYPE_CHECKING:
    from videomamba.data.datasets.ava_files import BoxRow


def score_ava(
    ground_truth: Path, detections: Path, label_map: Path, *, excluded: Path | None = None, json: bool = False
) -> int:
    """Frame mAP at IoU 0.5 of action detections, as AVA's official evaluator computes it.

    Raises:
        UserError: a file that cannot be read, or no ground truth of the label map's classes.
    """
    from videomamba.data.datasets.ava_files import read_exclusions, read_label_map, read_scored_rows
    from videomamba.tasks.metrics.ava import (
        CAPACITY,
        frame_average_precision,
        group_by_frame,
        mean_average_precision,
    )

    console = people()
    names, left_out = read_label_map(label_map), read_exclusions(excluded)
    true_rows, found_rows = read_scored_rows(ground_truth), read_scored_rows(detections)
    _point_out(names, left_out, {"ground-truth": true_rows, "detected": found_rows}, console)
    truth = group_by_frame(_as_items(true_rows), names, excluded=left_out)
    found = group_by_frame(_as_items(found_rows), names, excluded=left_out, capacity=CAPACITY)
    if not truth:
        raise UserError(f"{ground_truth} has no box of the {len(names)} classes of {label_map} in a frame that counts")
    by_id = frame_average_precision(truth, found, names)
    mean = mean_average_precision(by_id)
    table = Table("class", "AP")
    for number, name in names.items():
        table.add_row(name, "no ground truth" if math.isnan(by_id[number]) else f"{100 * by_id[number]:.2f} %")
    console.print(table)
    console.print(f"mAP {100 * mean:.2f} %  of {len(truth)} frames with ground truth")
    if json:
        by_name = {name: None if math.isnan(by_id[i]) else by_id[i] for i, name in names.items()}
        print_json({"mAP": mean, "AP": by_name})
    return 0


def _as_items(rows: "list[BoxRow]") -> Any:
    return ((row.key, row.box, row.action, row.score) for row in rows)


def _point_out(names: Any, left_out: Any, rows: "dict[str, list[BoxRow]]", console: Console) -> None:
    """One line per kind of row that does not count."""
    for kind, listed in rows.items():
        unknown = sum(row.action not in names for row in listed)
        excluded = sum(row.key in left_out for row in listed)
        if unknown:
            console.print(f"note: {unknown} {kind} boxes are of classes that the label map does not have")
        if excluded:
            console.print(f"note: {excluded} {kind} boxes are in excluded frames")
