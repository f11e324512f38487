"""``videomamba segment``: who does what when in a long video."""

import contextlib
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from videomamba.cli.features import Step, extract, load_backbone
from videomamba.cli.options import Device, Json, option, people, print_json
from videomamba.errors import UserError
from videomamba.files import check_writable, printable, read_json, whole_file, write_csv, write_json, write_text

if TYPE_CHECKING:
    import numpy as np
    import torch


def segment(
    source: Annotated[Path, tyro.conf.Positional, option("FEATURES.npy|VIDEO")],
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

    Writes NAME.txt (a label a line, one a frame; `videomamba score segmentation` reads it), NAME.segments.csv,
    NAME.segments.json and NAME.png. `features` makes the features that a segmenter is trained on; with the same
    --stride, --step and --overlap a video can be given as it is.

    Args:
        source: features (C, T) as .npy, or a video file
        backbone: the VideoMamba that makes a video's features
        truth: the video's true labels, one a line, for the picture and the figures
        output: folder of the files
        fps: features a second, for times in seconds; known where the source is a video, or has a json beside it (of a
            variable frame rate it is the mean)
        stride: of a video's features: source frames from one to the next (1)
        overlap: share of a window that the next one sees again (0.5)
        batch_size: windows of a video at a time (4)
    """
    from videomamba.data.datasets.mstcn import load_features
    from videomamba.data.datasets.mstcn_labels import read_labels
    from videomamba.engine import resolve_device
    from videomamba.models import load_model
    from videomamba.tasks.segmentation import Segmentation

    console, where = people(), resolve_device(device)
    if fps is not None and not _is_rate(fps):
        raise UserError(f"--fps {fps}: give features a second, {_RATES}")
    of_video = {"stride": stride, "step": step, "overlap": overlap, "batch_size": batch_size}
    options = {name: value for name, value in of_video.items() if value is not None}
    files = _files(output, source.stem, truth)
    true_labels = None if truth is None else read_labels(truth)
    model = load_model(checkpoint)
    names = model.class_names or tuple(str(i) for i in range(model.num_classes))
    task = Segmentation(names)
    task.check_model(model)
    if source.suffix.lower() == ".npy":
        if backbone is not None or options:
            given = [f"--{name.replace('_', '-')}" for name in options] + ["--backbone"] * (backbone is not None)
            raise UserError(f"{source} has features already; {', '.join(given)} goes with a video")
        array = load_features(source)
        fps = fps or _rate_beside(source)
    else:
        if source.is_dir():
            raise UserError(f"{source} is a folder; give one .npy file of features, or one video")
        if backbone is None:
            raise UserError(f"{source} is no .npy file of features; for a video name --backbone, what makes them")
        array, known_fps = _extract(source, backbone, options, model.config.input_dim, where, console)
        fps = fps or known_fps
    runs = _predict(model, task, array, where)
    labels = [run["label"] for run in runs for _ in range(run["end"] - run["start"])]
    result: dict[str, Any] = {"source": str(source), "frames": len(labels), "fps": fps, "segments": runs}
    if truth is not None and true_labels is not None:
        true_labels = _fitting(true_labels, truth, names, result, console)
    if result["fps"]:
        for run in runs:
            run |= {f"{edge}_seconds": run[edge] / result["fps"] for edge in ("start", "end")}
    if true_labels is not None:
        from videomamba.tasks.metrics.segmentation import segmentation_scores

        result["scores"] = segmentation_scores([(true_labels, labels[: len(true_labels)])])
    _write(files, source.stem, labels, result, true_labels)
    _show(result, files, console)
    if json:
        print_json({**result, "files": {kind: str(path) for kind, path in files.items()}})
    return 0


def _rate_beside(features: Path) -> float | None:
    """How many features a second there are, where the json beside them says so."""
    beside = features.with_suffix(".json")
    try:
        values = read_json(beside)
        fps, stride = values["fps"], values["stride"]
    except (UserError, KeyError, TypeError):  # none, or one of something else
        return None
    try:
        rate = float(fps) / int(stride)
    except (ValueError, TypeError, ZeroDivisionError):
        rate = math.nan
    if not _is_rate(rate):
        raise UserError(f"{beside}: fps {fps} over stride {stride} is no rate {_RATES}; --fps X overrules it")
    return rate


_RATES = "between 1e-6 and 1e6"


def _is_rate(fps: float) -> bool:
    return 1e-6 <= fps <= 1e6  # not NaN


def _files(output: Path, name: str, truth: Path | None) -> dict[str, Path]:
    """Where the results go.

    Raises:
        UserError: nothing can be written there, or the true labels are there.
    """
    check_writable(output, folder=True)
    files = {
        "labels": output / f"{name}.txt",
        "csv": output / f"{name}.segments.csv",
        "json": output / f"{name}.segments.json",
        "picture": output / f"{name}.png",
    }
    for path in files.values():
        check_writable(path, folder=False)
    if truth is not None and truth.resolve() == files["labels"].resolve():
        raise UserError(f"the predicted labels would be written over the true ones, {truth}; name another --output")
    return files


def _extract(
    video: Path, backbone: str, options: dict[str, Any], channels: int, device: "torch.device", console: Console
) -> "tuple[np.ndarray, float]":
    from videomamba.data.datasets.mstcn import load_features

    network = load_backbone(backbone)
    if network.config.embed_dim != channels:
        raise UserError(
            f"{backbone} gives features of {network.config.embed_dim} channels, the segmenter takes {channels}"
        )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{video.stem}.npy"
        info = extract(network, video, target, name=backbone, device=device, console=console, **options)
        array = load_features(target)
    return array, info["fps"] / info["stride"]


def _predict(model: Any, task: Any, array: "np.ndarray", device: "torch.device") -> list[dict[str, Any]]:
    """Segments in features of the source, whatever the model's stride."""
    import torch

    if array.shape[0] != model.config.input_dim:
        raise UserError(
            f"features have {array.shape[0]} channels (their shape is {array.shape}); the checkpoint takes "
            f"{model.config.input_dim}, as (C, T)"
        )
    stride, length = model.preprocessing.stride, array.shape[1]
    features = torch.from_numpy(array[:, ::stride].copy())[None].to(device)
    batch = {"video": features, "valid": torch.ones(1, features.shape[2], dtype=torch.bool, device=device)}
    with torch.inference_mode():
        scores = task.scores(task.test_outputs(model.to(device).eval(), batch))
    runs: list[dict[str, Any]] = task.predictions(scores, 1)[0]
    for run in runs:
        run["start"], run["end"] = run["start"] * stride, min(run["end"] * stride, length)
    return runs


def _fitting(
    labels: list[str], path: Path, names: Sequence[str], result: dict[str, Any], console: Console
) -> list[str]:
    """True labels, as many as there are features at most."""
    from videomamba.data.datasets.mstcn_labels import few

    length = result["frames"]
    unknown = sorted(set(labels) - {*names})
    if len(unknown) == len(set(labels)):
        raise UserError(f"{path}: not one label is a class of the checkpoint, which knows {', '.join(names)}")
    if unknown:
        console.print(f"note: {path}: the checkpoint cannot find {', '.join(unknown)}", soft_wrap=True)
    if not labels or not few(len(labels), length):
        source = result["source"]
        raise UserError(f"{path} has {len(labels)} labels, {source} has {length} features; expected one for each")
    if len(labels) != length:
        console.print(f"note: {path} has {len(labels)} labels for {length} features; compared where both are")
    return labels[:length]


def _write(
    files: dict[str, Path], name: str, labels: list[str], result: dict[str, Any], truth: list[str] | None
) -> None:
    """All of them, or none where one cannot be made."""
    from videomamba.tasks.metrics.segmentation import segments
    from videomamba.viz.timeline import timeline_figure

    rows, title = {"prediction": segments(labels)}, printable(name)
    if truth is not None:
        rows = {"truth": segments(truth), **rows}
        title += "   " + "  ".join(f"{figure} {value:.1f}" for figure, value in result["scores"].items())
    figure = timeline_figure(rows, fps=result["fps"], title=title)
    with contextlib.ExitStack() as stack:
        new = {kind: stack.enter_context(whole_file(path)) for kind, path in files.items()}
        figure.savefig(new["picture"], format="png", dpi=150)
        write_text(new["labels"], "\n".join(labels) + "\n")
        write_json(new["json"], result)
        write_csv(new["csv"], [list(result["segments"][0]), *(list(row.values()) for row in result["segments"])])


def _show(result: dict[str, Any], files: dict[str, Path], console: Console) -> None:
    unit = "s" if result["fps"] else "frame"
    table = Table(f"from ({unit})", f"to ({unit})", "action", "probability")
    for run in result["segments"]:
        times = [run["start_seconds"], run["end_seconds"]] if result["fps"] else [run["start"], run["end"]]
        shown = [f"{time:.1f}" if result["fps"] else str(time) for time in times]
        table.add_row(*shown, run["label"], f"{100 * run['probability']:.0f} %")
    console.print(table)
    if "scores" in result:
        console.print("  ".join(f"{name} {value:.1f}" for name, value in result["scores"].items()))
    console.print(f"timeline: {files['picture']}; segments: {files['csv']}; labels: {files['labels']}", soft_wrap=True)
