"""``videomamba evaluate``: a checkpoint's figures on annotated videos."""

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.table import Table

from videomamba.cli.annotated import Fold, Layout, annotated_videos, point_out_missing
from videomamba.cli.evaluate_detector import evaluate_detector
from videomamba.cli.evaluate_segmenter import evaluate_segmenter
from videomamba.cli.evaluated import run_evaluation
from videomamba.cli.options import (
    Clips,
    Crops,
    Device,
    HoldOut,
    Json,
    Split,
    Workers,
    default_workers,
    named_options,
    names_given,
    option,
    people,
    print_json,
)
from videomamba.errors import UserError


def evaluate(
    checkpoint: Annotated[str, tyro.conf.Positional, option("CHECKPOINT")],
    data: Annotated[Path, tyro.conf.Positional, option("DATA")],
    part: Annotated[Literal["test", "train"], option("test|train")] = "test",
    data_option: Annotated[tuple[str, ...], option("NAME=VALUE...")] = (),
    detections: Annotated[Path | None, option("FILE.csv")] = None,
    predictions: Annotated[Path | None, option("DIR")] = None,
    split: Split = None,
    hold_out: HoldOut = None,
    layout: Layout = None,
    splits: Fold = None,
    clips: Clips = 1,
    crops: Crops = 1,
    batch_size: Annotated[int, option("N")] = 16,
    device: Device = "auto",
    workers: Workers = None,
    json: Json = False,
) -> int:
    """Tests a checkpoint on videos whose class is known.

    Uses the test part of the csv, the layout or the folder; all videos of a folder that has no parts.

    Args:
        checkpoint: model folder, run folder (its best/) or Hub id
        data: folder with one folder per class, or with train/ and test/; with --layout, a published data set's; for a
            detector, in AVA's layout; for a segmenter, in MS-TCN's
        part: for a detector or segmenter: what was held out, or what it was trained on
        data_option: for these: how the annotations are read, such as keyframes=even:22 (see docs/detection.md)
        detections: for a detector: also write all boxes and scores there, for `videomamba score ava`
        predictions: for a segmenter: also write the labels of all frames there, for `videomamba score segmentation`
        batch_size: videos at a time
    """
    from videomamba.engine import model_labels
    from videomamba.models import Detector, Segmenter, load_model
    from videomamba.tasks.recognition import Recognition

    for name, value in (("--clips", clips), ("--crops", crops)):
        if value < 1:
            raise UserError(f"{name} {value}; give at least 1")
    console = people()
    model = load_model(checkpoint)
    workers = default_workers() if workers is None else workers
    of_videos = {
        "--split": split,
        "--hold-out": hold_out,
        "--layout": layout,
        "--clips": clips != 1,
        "--crops": crops != 1,
    }
    if isinstance(model, Detector):
        _refuse(checkpoint, "a detector", of_videos | {"--splits": splits, "--predictions": predictions})
        return evaluate_detector(
            model,
            data,
            part=part,
            options=named_options(data_option),
            detections=detections,
            batch_size=batch_size,
            device=device,
            workers=workers,
            json=json,
        )
    if isinstance(model, Segmenter):
        _refuse(checkpoint, "a segmenter", of_videos | {"--detections": detections})
        return evaluate_segmenter(
            model,
            checkpoint,
            data,
            part=part,
            fold=splits,
            options=named_options(data_option),
            predictions=predictions,
            device=device,
            json=json,
        )
    own = {"--part": part != "test", "--data-option": data_option}
    _refuse(
        checkpoint,
        "no detector and no segmenter",
        own | {"--detections": detections, "--predictions": predictions},
    )
    parts = annotated_videos(data, split=split, hold_out=hold_out, layout=layout, fold=splits)
    point_out_missing(parts, console)
    annotations = parts["test"] if "test" in parts else parts["all"]
    names = model.labels
    annotations = model_labels(annotations, names)
    _point_out_splits(checkpoint, split, console)
    task = Recognition(names)
    report, _ = run_evaluation(
        model,
        task,
        annotations,
        console,
        batch_size=batch_size,
        workers=workers,
        device=device,
        num_clips=clips,
        num_crops=crops,
    )
    _show(report, console)
    if json:
        print_json({name: report[name] for name in ("top1", "top5", "count", "per_class")})
    return 0


def _refuse(checkpoint: str, kind: str, options: dict[str, Any]) -> None:
    """
    Raises:
        UserError: one of these options is given, which this kind of checkpoint has no use for.
    """
    if given := names_given(options):
        raise UserError(f"{checkpoint} is {kind}: {', '.join(given)} cannot be used with it")


def _point_out_splits(checkpoint: str, split: str | None, console: Console) -> None:
    from videomamba.engine.run_folder import SPLITS

    file = Path(checkpoint) / SPLITS
    if split is None and file.is_file():
        console.print(f"note: the videos this run held out are in {file}; --split {file} uses these", soft_wrap=True)


def _show(report: dict[str, Any], console: Console) -> None:
    table = Table("class", "accuracy")
    for name, accuracy in report["per_class"].items():
        table.add_row(name, "no video" if accuracy is None else f"{100 * accuracy:.1f} %")
    console.print(table)
    figures = f"top-1 {100 * report['top1']:.1f} %  top-5 {100 * report['top5']:.1f} %"
    console.print(f"{figures}  of {report['count']} videos")
