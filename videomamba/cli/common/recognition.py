"""Recognition at the command line: classes of whole clips."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from videomamba.cli.common.annotated import annotated_videos, point_out_missing, point_out_notes
from videomamba.cli.common.evaluation import BATCH, Request, run_evaluation
from videomamba.cli.common.options import is_first_process, people
from videomamba.errors import UserError
from videomamba.extras import require
from videomamba.files import check_writable

if TYPE_CHECKING:
    from videomamba.data import Annotations
    from videomamba.engine import RunConfig
    from videomamba.experiments import RunResult
    from videomamba.experiments.baseline import Baseline


def evaluate(model: Any, request: Request, console: Console) -> dict[str, Any]:
    """Top-1, top-5 and accuracy per class, of one part's videos or of all videos of a folder without parts.

    Raises:
        UserError: data that cannot be read, of no such part, or of classes that the model does not know.
    """
    from videomamba.engine import model_labels

    if request.compare is not None and request.report is None:
        raise UserError(f"--compare {request.compare} needs --report DIR, for the page that compares")
    if request.report is not None:
        check_writable(request.report, folder=True)
        check_writable(_page(request.report), folder=False)
        require("matplotlib", f"--report {request.report}")
    annotations = model_labels(_videos(request, console), model.labels)
    _point_out_splits(request, console)
    report = _judged(model, annotations, request, console)
    table = Table("class", "accuracy")
    for name, accuracy in report["per_class"].items():
        table.add_row(name, "no video" if accuracy is None else f"{100 * accuracy:.1f} %")
    console.print(table)
    figures = f"top-1 {100 * report['top1']:.1f} %  top-5 {100 * report['top5']:.1f} %"
    console.print(f"{figures}  of {report['count']} videos")
    if request.report is not None:
        _write_report(_page(request.report), request, annotations, report, console)
    return {name: report[name] for name in ("top1", "top5", "count", "per_class")}


def _judged(model: Any, annotations: "Annotations", request: Request, console: Console) -> dict[str, Any]:
    """The report, with what was said of each video."""
    from videomamba.experiments.judged import Judging

    report, _ = run_evaluation(model, Judging(model.labels), annotations, _with_views(request, model, console), console)
    return report


def _page(report: Path) -> Path:
    return report / "index.html"


def _write_report(
    file: Path, request: Request, annotations: "Annotations", report: dict[str, Any], console: Console
) -> None:
    """The page, of the other checkpoint too where one is to be compared."""
    from videomamba.engine import model_labels
    from videomamba.experiments.judged import judged_of
    from videomamba.experiments.report import Report, curve_of, run_of, settings_of
    from videomamba.experiments.report_page import write_report
    from videomamba.inference.onnx_model import load_trained

    def of(checkpoint: str, part: "Annotations", figures: dict[str, Any]) -> Report:
        run = run_of(checkpoint)
        return Report(checkpoint, part.class_names, judged_of(figures, part), curve_of(run), settings_of(run))

    reports = [of(request.checkpoint, annotations, report)]
    if request.compare is not None:
        other = load_trained(request.compare, request.device)
        part = model_labels(annotations, other.labels)
        reports.append(of(request.compare, part, _judged(other, part, request, console)))
    if is_first_process():
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("clips", total=None)
            write_report(file, reports, progress=lambda done, of: bar.update(task, completed=done, total=of))
        console.print(f"report: {file}", soft_wrap=True)


def _videos(request: Request, console: Console) -> "Annotations":
    from videomamba.data.broken import read_leave_out, refuse_missing, without
    from videomamba.data.datasets import MAY_LACK_VIDEOS

    r, gone = request, request.leave_out
    parts = annotated_videos(
        r.data,
        split=r.split,
        hold_out=r.hold_out,
        layout=r.layout,
        fold=r.splits,
        missing_ok=None if gone is None else True,
    )
    if gone is not None:
        parts = without(parts, read_leave_out(gone, r.data), gone)
        if r.layout not in MAY_LACK_VIDEOS:
            refuse_missing(parts, r.split or r.data)
    point_out_missing(parts, console)
    point_out_notes(parts, console)
    if r.part in parts:
        return parts[r.part]
    if "all" not in parts or r.part != "test":
        raise UserError(f"--part {r.part}: {r.data} has {', '.join(parts)}; a csv with --split names parts")
    return parts["all"]


def _with_views(request: Request, model: Any, console: Console) -> Request:
    """With the model's own clips, and its own crops, where none are asked for, and as many of them at a time as videos
    were."""
    own = dict(zip(("clips", "crops"), model.preprocessing.views, strict=True))
    filled = {name: count for name, count in own.items() if getattr(request, name) is None and count > 1}
    if not filled:
        return request
    views = replace(request, **filled)
    what = "" if len(filled) == 2 else f"{next(iter(filled))} "
    console.print(
        f"note: {views.clips or 1} clips x {views.crops or 1} crops of each video, {what}as the model was tested; "
        f"{' '.join(f'--{name} 1' for name in filled)} takes one",
        soft_wrap=True,
    )
    return replace(views, batch_size=max(1, (request.batch_size or BATCH) // prod(filled.values())))


def _point_out_splits(request: Request, console: Console) -> None:
    from videomamba.engine.run_folder import SPLITS

    file = Path(request.checkpoint) / SPLITS
    if request.split is None and file.is_file():
        console.print(f"note: the videos this run held out are in {file}; --split {file} uses these", soft_wrap=True)


def after_training(run: "RunConfig", result: "RunResult") -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """The last and the best top-1, the figure to beat, and how to continue."""
    from videomamba.engine.run_folder import SPLITS

    folder, last, best, splits = result.folder, result.last, result.best, result.splits
    held_out = (
        f"{len(splits.test)} held-out videos" if splits.val is None else f"{len(splits.val)} videos of the val part"
    )
    lines = [
        f"top-1 of {held_out}: "
        f"{100 * last['top1']:.1f} % at the end, {folder / 'last'}; "
        f"at best {100 * best['top1']:.1f} % after epoch {best['epoch']}, {folder / 'best'}"
    ]
    if result.test is not None:
        tested = ", ".join(f"{100 * report['top1']:.1f} % ({name})" for name, report in result.test.items())
        lines.append(f"top-1 of the {len(splits.test)} videos of the test part: {tested}")
    if is_first_process():
        figure = _baseline(run, result)
        reached = last["top1"] if result.test is None else result.test["last"]["top1"]
        lines.append(
            f"baseline: {100 * figure.top1:.1f} % of {figure.test} videos for a linear classifier on 16 x 16 frames, "
            f"blind to order and detail{_verdict(figure.top1, reached)}"
        )
    return lines, [
        ["videomamba", "predict", splits.test.records[0].path, "--checkpoint", folder],
        ["videomamba", "evaluate", folder, run.data.root, "--split", folder / SPLITS],
    ]


def _baseline(run: "RunConfig", result: "RunResult") -> "Baseline":
    """Of the run's videos; kept in its folder."""
    from videomamba.experiments.baseline import Baseline, linear_baseline
    from videomamba.files import read_json, write_json

    file = result.folder / "baseline.json"
    if file.is_file():
        return Baseline(**read_json(file))
    console = people()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("baseline", total=None)
        figure = linear_baseline(
            result.splits,
            workers=run.data.workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    write_json(file, dataclasses.asdict(figure))
    return figure


def _verdict(baseline: float, reached: float) -> str:
    if reached > baseline:
        return ""
    return "; the model has not learnt more than that: more videos, --start CHECKPOINT or more epochs may help"
