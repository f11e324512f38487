"""``videomamba predict``: what a checkpoint says about video files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.table import Table

from videomamba.cli.common import many as many_videos
from videomamba.cli.common.many import Many, ManyOptions
from videomamba.cli.common.options import Clips, Device, Json, option, people, print_json
from videomamba.errors import UserError

if TYPE_CHECKING:
    from videomamba.inference.result import Result


def predict(
    videos: Annotated[list[str], tyro.conf.Positional, option("VIDEO...")],
    checkpoint: Annotated[str | None, option("CHECKPOINT")] = None,
    top_k: Annotated[int, option("K")] = 5,
    clips: Clips = 1,
    batch_size: Annotated[int, option("N")] = 8,
    device: Device = "auto",
    output: Annotated[
        Path | None, option("DIR", "write Parquet files there instead of answers on the terminal")
    ] = None,
    many: Many = ManyOptions(),  # noqa: B008  (frozen)
    json: Json = False,
) -> int:
    """Predicts the class of each video.

    A file that cannot be read is skipped, and the exit status is then 2. With --output there is one row per video in
    Parquet files, and VIDEO may also be a glob, or a list of videos (.csv, .txt, .parquet).

    Args:
        videos: video files, folders to search for them, globs, lists (.txt, .csv), http(s) URLs of files
        checkpoint: model folder, run folder (its best/), file of Vim or OpenGVLab, .onnx file, published name
            (`videomamba models --pretrained`), or Hub id; by default a published model of Kinetics-400
        top_k: classes to show for each video
        batch_size: videos per forward pass
    """
    from videomamba.inference.onnx_model import load_trained
    from videomamba.inference.predict import predict as predictions
    from videomamba.inference.source import single_sources
    from videomamba.models.weights.published import DEFAULT, published_checkpoints
    from videomamba.tasks.recognition import Recognition

    if not videos:
        raise UserError("no video given; name at least one file or folder")
    for name, value in (("--top-k", top_k), ("--clips", clips), ("--batch-size", batch_size)):
        if value < 1:
            raise UserError(f"{name} {value}; give at least 1")
    console, results = people(), []
    if checkpoint is None:
        checkpoint, row = DEFAULT, published_checkpoints()[DEFAULT]
        console.print(f"note: no --checkpoint given: {row.name} of {row.repository} ({row.title})", soft_wrap=True)
    if output is not None:
        how = {"device": device, "top_k": top_k, "num_clips": clips, "batch_size": batch_size}
        return many_videos.run(videos, checkpoint, output, many, json, **how)
    many.check_unused("--output DIR")
    found = list(single_sources(videos))
    model = load_trained(checkpoint, device)
    if model.task != "recognition":
        Recognition(model.labels).check_model(model)  # names the verb for such a checkpoint
    for result in predictions(model, found, top_k, clips, device, batch_size):
        results.append(result)
        show_classes(result, console)
    if json:
        print_json([result.to_dict() for result in results])
    return 2 if any(result.error for result in results) else 0


def show_classes(result: "Result", console: Console) -> None:
    """A table of classes and probabilities, or the error's line."""
    if result.error is not None:
        console.print(f"error: {result.error}", soft_wrap=True)
        return
    console.print(str(Path(result.path)), soft_wrap=True)
    table = Table("class", "probability")
    for score in result.top_k:
        table.add_row(score.label, f"{100 * score.probability:.1f} %")
    console.print(table)
