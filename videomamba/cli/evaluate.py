"""``videomamba evaluate``: a checkpoint's figures on annotated videos."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from videomamba.cli.common.annotated import Fold, Layout
from videomamba.cli.common.evaluation import Request
from videomamba.cli.common.faces import evaluated
from videomamba.cli.common.options import (
    Device,
    HoldOut,
    Json,
    LeaveOut,
    SkipBroken,
    Split,
    TestClips,
    TestCrops,
    Workers,
    option,
    people,
    print_json,
)


def evaluate(
    checkpoint: Annotated[str, tyro.conf.Positional, option("CHECKPOINT")],
    data: Annotated[Path, tyro.conf.Positional, option("DATA")],
    part: Annotated[Literal["test", "train"], option("test|train")] = "test",
    data_option: Annotated[tuple[str, ...], option("NAME=VALUE...")] = (),
    detections: Annotated[Path | None, option("FILE.csv")] = None,
    predictions: Annotated[Path | None, option("DIR")] = None,
    report: Annotated[Path | None, option("DIR")] = None,
    compare: Annotated[str | None, option("CHECKPOINT")] = None,
    split: Split = None,
    hold_out: HoldOut = None,
    layout: Layout = None,
    splits: Fold = None,
    clips: TestClips = None,
    crops: TestCrops = None,
    batch_size: Annotated[int | None, option("N")] = None,
    leave_out: LeaveOut = None,
    skip_broken: SkipBroken = 0,
    device: Device = "auto",
    workers: Workers = None,
    json: Json = False,
) -> int:
    """Tests a checkpoint on videos whose class is known.

    Uses the test part of the csv, the layout or the folder, or all videos of a folder without parts.

    Args:
        checkpoint: model folder, run folder (its best/), published name, Hub id, or .onnx file of `videomamba export`
        data: folder with one folder per class, or with train/ and test/; with --layout, a published data set's; for a
            detector, in AVA's layout; for a segmenter, in MS-TCN's
        part: the held-out part or the training part
        data_option: for a detector or segmenter: how the annotations are read, such as keyframes=even:22
        detections: for a detector: also write all boxes and scores there, for `videomamba score ava`
        predictions: for a segmenter: also write the labels of all frames there, for `videomamba score segmentation`
        report: for a recogniser: also write index.html there: curves, confusion matrix, the worst mistakes as clips
        compare: for a recogniser: another one, which this page compares on the same videos
        batch_size: videos at a time (16; a segmenter takes one)
    """
    from videomamba.inference.onnx_model import load_trained

    request = Request(
        data=data,
        checkpoint=checkpoint,
        part=part,
        data_option=data_option,
        detections=detections,
        predictions=predictions,
        report=report,
        compare=compare,
        split=split,
        hold_out=hold_out,
        layout=layout,
        splits=splits,
        leave_out=leave_out,
        skip_broken=skip_broken,
        clips=clips,
        crops=crops,
        batch_size=batch_size,
        device=device,
        workers=workers,
    )
    figures = evaluated(load_trained(checkpoint, device), request, people())
    if json and figures is not None:
        print_json(figures)
    return 0
