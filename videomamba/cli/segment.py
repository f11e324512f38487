"""``videomamba segment``: which action happens when in a long video."""

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from videomamba.cli.common.options import Device, Json, option, people, print_json
from videomamba.cli.features import Step, extract
from videomamba.errors import UserError
from videomamba.extras import require
from videomamba.files import check_writable, printable, whole_file, write_json, write_text
from videomamba.tables import write_csv_lines

if TYPE_CHECKING:
    import numpy as np
    import torch
    from matplotlib.figure import Figure

    from videomamba.inference.feature_times import FeatureTimes
    from videomamba.inference.result import Result, Segment


def segment(
    source: Annotated[str, tyro.conf.Positional, option("FEATURES.npy|VIDEO")],
    checkpoint: Annotated[str, option("CHECKPOINT", "model folder, run folder (its best/) or Hub id of a segmenter")],
    backbone: Annotated[str | None, option("CHECKPOINT")] = None,
    truth: Annotated[Path | None, option("FILE.txt")] = None,
    output: Annotated[Path, option("DIR")] = Path("segments"),
    fps: Annotated[float | None, option("X")] = None,
    stride: Annotated[int | None, option("N")] = None,
    step: Step = None,
    overlap: Annotated[float | None, option("SHARE")] = None,
    batch_size: Annotated[int | None, option("N")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Names the action in every frame of a long video: labels, segments and a picture of the timeline.

    Writes NAME.txt (one label per line and frame; `videomamba score segmentation` reads it), NAME.segments.csv,
    NAME.segments.json and NAME.png. `features` makes the features that a segmenter is trained on; with the same
    --stride, --step and --overlap the source can be the video itself.

    Args:
        source: features (C, T) as .npy, or a video file, a URL, - for standard input, or a camera
        backbone: the VideoMamba that makes a video's features
        truth: the video's true labels, one per line, for the picture and the figures
        output: folder of the files
        fps: features per second, for times in seconds; known if the source is a video or has a json beside it (the mean
            at a variable frame rate)
        stride: source frames from one feature of a video to the next (1)
        overlap: share of a window that the next one repeats (0.5)
        batch_size: windows of a video at a time (4)
    """
    from videomamba.data.datasets.mstcn_labels import read_labels
    from videomamba.inference.device import resolve_device
    from videomamba.inference.feature_times import RATES, is_rate
    from videomamba.inference.onnx_model import load_trained
    from videomamba.inference.result import Result
    from videomamba.inference.segment import segment_features
    from videomamba.inference.source import file_stem
    from videomamba.tasks.segmentation import Segmentation

    console, where = people(), resolve_device(device)
    if fps is not None and not is_rate(fps):
        raise UserError(f"--fps {fps}: give features per second, {RATES}")
    of_video = {"stride": stride, "step": step, "overlap": overlap, "batch_size": batch_size}
    options = {name: value for name, value in of_video.items() if value is not None}
    files = _files(output, file_stem(source), truth)
    true_labels = None if truth is None else read_labels(truth)
    model: Any = load_trained(checkpoint, device)
    Segmentation(model.labels).check_model(model)
    array, times = _features(source, backbone, options, model.config.input_dim, where, fps, console)
    segments = segment_features(model, array, device=where, times=times)
    outcome = Result(source, segments=segments)
    if truth is not None and true_labels is not None:
        true_labels = _fitting(true_labels, truth, model.labels, source, array.shape[1], console)
    scores = _scores(segments, true_labels)
    result = {"source": source, "frames": array.shape[1], "fps": times.fps}
    result |= {"segments": outcome.to_dict()["segments"], **({} if scores is None else {"scores": scores})}
    _write(files, outcome, times, result, true_labels)
    _show(outcome, scores, files, console)
    if json:
        print_json({**result, "files": {kind: str(path) for kind, path in files.items()}})
    return 0


def _features(
    source: str,
    backbone: str | None,
    options: dict[str, Any],
    channels: int,
    device: "torch.device",
    fps: float | None,
    console: Console,
) -> "tuple[np.ndarray, FeatureTimes]":
    """Features of the source and when they are; ``fps`` overrides what is known.

    Raises:
        UserError: options that do not apply to the source, or a backbone of other channels.
    """
    from videomamba.data.datasets.mstcn import load_features
    from videomamba.data.stream import is_once
    from videomamba.inference.feature_times import FeatureTimes, times_beside
    from videomamba.inference.features import load_backbone

    path = Path(source)
    if path.suffix.lower() == ".npy" and not is_once(source):
        if backbone is not None or options:
            given = [f"--{name.replace('_', '-')}" for name in options] + ["--backbone"] * (backbone is not None)
            raise UserError(f"{source} has features already; {', '.join(given)} goes with a video")
        return load_features(path), times_beside(path) if fps is None else FeatureTimes(fps)
    if path.is_dir():
        raise UserError(f"{source} is a folder; give one .npy file of features, or one video")
    if backbone is None:
        raise UserError(
            f"{source} is not an .npy file of features; for a video, --backbone names the model that makes them"
        )
    network = load_backbone(backbone)
    if network.config.embed_dim != channels:
        raise UserError(
            f"{backbone} gives features of {network.config.embed_dim} channels, the segmenter takes {channels}"
        )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "features.npy"
        extract(network, source, target, name=backbone, device=device, console=console, **options)
        return load_features(target), times_beside(target) if fps is None else FeatureTimes(fps)


def _files(output: Path, name: str, truth: Path | None) -> dict[str, Path]:
    """Where the results go.

    Raises:
        UserError: nothing can be written there, what draws the picture is not installed, or the true labels are there.
    """
    check_writable(output, folder=True)
    files = {
        "labels": output / f"{name}.txt",
        "csv": output / f"{name}.segments.csv",
        "json": output / f"{name}.segments.json",
        "picture": output / f"{name}.png",
    }
    require("matplotlib", "the picture of the segments")
    for path in files.values():
        check_writable(path, folder=False)
    if truth is not None and truth.resolve() == files["labels"].resolve():
        raise UserError(f"the predicted labels would be written over the true ones, {truth}; name another --output")
    return files


def _fitting(
    labels: list[str], path: Path, names: Sequence[str], source: str, length: int, console: Console
) -> list[str]:
    """True labels, as many as there are features at most."""
    from videomamba.data.datasets.mstcn_labels import few

    unknown = sorted(set(labels) - {*names})
    if len(unknown) == len(set(labels)):
        raise UserError(f"{path}: not one label is a class of the checkpoint, which knows {', '.join(names)}")
    if unknown:
        console.print(f"note: {path}: the checkpoint cannot find {', '.join(unknown)}", soft_wrap=True)
    if not labels or not few(len(labels), length):
        raise UserError(f"{path} has {len(labels)} labels, {source} has {length} features; expected one for each")
    if len(labels) != length:
        console.print(f"note: {path} has {len(labels)} labels for {length} features; compared where both are")
    return labels[:length]


def _scores(segments: "Sequence[Segment]", truth: list[str] | None) -> dict[str, float] | None:
    from videomamba.tasks.metrics.segmentation import segmentation_scores

    return None if truth is None else segmentation_scores([(truth, _labels(segments)[: len(truth)])])


def _labels(segments: "Sequence[Segment]") -> list[str]:
    """One label for each feature."""
    return [segment.label for segment in segments for _ in range(segment.start, segment.end)]


def _write(
    files: dict[str, Path],
    outcome: "Result",
    times: "FeatureTimes",
    result: dict[str, Any],
    truth: list[str] | None,
) -> None:
    """All of them, or none where one cannot be made."""
    figure = _figure(outcome, times, result, truth)
    rows = result["segments"]
    with contextlib.ExitStack() as stack:
        new = {kind: stack.enter_context(whole_file(path)) for kind, path in files.items()}
        figure.savefig(new["picture"], format="png", dpi=150)
        write_text(new["labels"], "".join(f"{label}\n" for label in _labels(outcome.segments)))
        write_json(new["json"], result)
        write_csv_lines(new["csv"], [list(rows[0]), *(list(row.values()) for row in rows)])


def _figure(outcome: "Result", times: "FeatureTimes", result: dict[str, Any], truth: list[str] | None) -> "Figure":
    """The timeline, with the truth above where it is known."""
    from videomamba.inference.result import Segment
    from videomamba.tasks.metrics.segmentation import segments
    from videomamba.viz.timeline import timeline_figure

    in_seconds, title = times.fps is not None, printable(Path(outcome.path).stem)
    rows = {"prediction": [segment.bar(in_seconds) for segment in outcome.segments]}
    if truth is not None:
        true = [
            Segment(label, -1, start, end, 1.0, times.seconds(start), times.seconds(end))
            for label, start, end in segments(truth)
        ]
        rows = {"truth": [segment.bar(in_seconds) for segment in true], **rows}
        title += "   " + "  ".join(f"{name} {value:.1f}" for name, value in result["scores"].items())
    return timeline_figure(rows, unit="seconds" if in_seconds else "frames", title=title)


def _show(outcome: "Result", scores: dict[str, float] | None, files: dict[str, Path], console: Console) -> None:
    in_seconds = outcome.segments[0].end_seconds is not None
    unit = "s" if in_seconds else "frame"
    table = Table(f"from ({unit})", f"to ({unit})", "action", "probability")
    for segment in outcome.segments:
        label, *edges = segment.bar(in_seconds)
        shown = [f"{edge:.1f}" if in_seconds else str(edge) for edge in edges]
        table.add_row(*shown, label, f"{100 * segment.probability:.0f} %")
    console.print(table)
    if scores is not None:
        console.print("  ".join(f"{name} {value:.1f}" for name, value in scores.items()))
    console.print(f"timeline: {files['picture']}; segments: {files['csv']}; labels: {files['labels']}", soft_wrap=True)
