"""``videomamba segment``: who does what when in a long video."""

import csv
import json as json_module
import tempfile
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from videomamba.cli.features import Overlap, Step, extract, load_backbone
from videomamba.cli.options import Device, Json, option, people, print_json
from videomamba.files import write_text

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
    stride: Annotated[int, option("N")] = 1,
    step: Step = None,
    overlap: Overlap = 0.5,
    batch_size: Annotated[int, option("N")] = 4,
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
        fps: features a second, for times in seconds; known where the source is a video, or has a json beside it
        stride: of a video's features: source frames from one to the next
        batch_size: windows of a video at a time
    """
    from videomamba.engine import resolve_device
    from videomamba.models import load_model
    from videomamba.tasks.segmentation import Segmentation

    console, where = people(), resolve_device(device)
    if fps is not None and not fps > 0:
        raise ValueError(f"--fps {fps}: it must be above 0")
    model = load_model(checkpoint)
    names = model.class_names or tuple(str(i) for i in range(model.num_classes))
    task = Segmentation(names)
    task.check_model(model)
    if source.suffix == ".npy":
        if backbone is not None:
            raise ValueError(f"{source} has features already; --backbone goes with a video")
        array, known_fps = _read(source)
    else:
        if backbone is None:
            raise ValueError(f"{source} is no .npy file of features; for a video name --backbone, what makes them")
        options = {"stride": stride, "step": step, "overlap": overlap, "batch_size": batch_size}
        array, known_fps = _extract(source, backbone, options, model.config.input_dim, where, console)
    runs = _predict(model, task, array, where)
    labels = [run["label"] for run in runs for _ in range(run["end"] - run["start"])]
    result: dict[str, Any] = {"source": str(source), "frames": len(labels), "fps": fps or known_fps, "segments": runs}
    true_labels = None if truth is None else _truth(truth, len(labels), result, console)
    if result["fps"]:
        for run in runs:
            run |= {f"{edge}_seconds": run[edge] / result["fps"] for edge in ("start", "end")}
    if true_labels is not None:
        from videomamba.tasks.metrics.segmentation import segmentation_scores

        result["scores"] = segmentation_scores([(true_labels, labels[: len(true_labels)])])
    files = _write(output, source.stem, labels, result, true_labels)
    _show(result, files, console)
    if json:
        print_json({**result, "files": files})
    return 0


def _read(path: Path) -> "tuple[np.ndarray, float | None]":
    """Features, and how many there are a second where the json beside them says so."""
    from videomamba.data.datasets.mstcn import load_features

    array = load_features(path)
    try:
        values = json_module.loads(path.with_suffix(".json").read_text())
        return array, float(values["fps"]) / int(values["stride"])
    except (OSError, ValueError, KeyError, TypeError):
        return array, None


def _extract(
    video: Path, backbone: str, options: dict[str, Any], channels: int, device: "torch.device", console: Console
) -> "tuple[np.ndarray, float | None]":
    network = load_backbone(backbone)
    if network.config.embed_dim != channels:
        raise ValueError(
            f"{backbone} gives features of {network.config.embed_dim} channels, the segmenter takes {channels}"
        )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{video.stem}.npy"
        info = extract(network, video, target, name=backbone, device=device, console=console, **options)
        array, _ = _read(target)
    return array, info["fps"] / info["stride"]


def _predict(model: Any, task: Any, array: "np.ndarray", device: "torch.device") -> list[dict[str, Any]]:
    """Segments in features of the source, whatever the model's stride."""
    import torch

    if array.shape[0] != model.config.input_dim:
        raise ValueError(
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


def _truth(path: Path, length: int, result: dict[str, Any], console: Console) -> list[str]:
    """True labels, as many as there are features at most."""
    from videomamba.data.datasets.mstcn_labels import few, read_labels

    labels = read_labels(path)
    if not labels or not few(len(labels), length):
        source = result["source"]
        raise ValueError(f"{path} has {len(labels)} labels, {source} has {length} features; expected one for each")
    if len(labels) != length:
        console.print(f"note: {path} has {len(labels)} labels for {length} features; compared where both are")
    return labels[:length]


def _write(
    folder: Path, name: str, labels: list[str], result: dict[str, Any], truth: list[str] | None
) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "labels": folder / f"{name}.txt",
        "csv": folder / f"{name}.segments.csv",
        "json": folder / f"{name}.segments.json",
        "picture": folder / f"{name}.png",
    }
    text = StringIO()
    writer = csv.DictWriter(text, list(result["segments"][0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(result["segments"])
    write_text(files["labels"], "\n".join(labels) + "\n")
    write_text(files["csv"], text.getvalue())
    write_text(files["json"], json_module.dumps(result, indent=2) + "\n")
    _draw(files["picture"], name, labels, truth, result)
    return {kind: str(path) for kind, path in files.items()}


def _draw(path: Path, name: str, labels: list[str], truth: list[str] | None, result: dict[str, Any]) -> None:
    from videomamba.tasks.metrics.segmentation import segments
    from videomamba.viz.timeline import timeline_figure

    rows = {"prediction": segments(labels)}
    title = name
    if truth is not None:
        rows = {"truth": segments(truth), **rows}
        title += "   " + "  ".join(f"{figure} {value:.1f}" for figure, value in result["scores"].items())
    temporary = path.with_name(f".{path.name}")
    try:
        timeline_figure(rows, fps=result["fps"], title=title).savefig(temporary, format="png", dpi=150)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _show(result: dict[str, Any], files: dict[str, str], console: Console) -> None:
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
