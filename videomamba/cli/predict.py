"""``videomamba predict``: what a checkpoint says about video files."""

from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.table import Table

from videomamba.cli.options import Checkpoint, Clips, Device, Json, option, people, print_json
from videomamba.errors import UserError

if TYPE_CHECKING:
    from videomamba.engine import Prediction


def predict(
    videos: Annotated[list[str], tyro.conf.Positional, option("VIDEO...")],
    checkpoint: Checkpoint,
    top_k: Annotated[int, option("K")] = 5,
    clips: Clips = 1,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Tells which class each video shows.

    Goes on after a file that it cannot read, and then exits with 2 at the end.

    Args:
        videos: video files, and folders to search for them
        top_k: classes to show for each video
    """
    from videomamba.data.annotations import search_videos
    from videomamba.data.walk import left_out
    from videomamba.engine import predict as predict_files
    from videomamba.engine import resolve_device
    from videomamba.models import load_model
    from videomamba.tasks.recognition import Recognition

    if not videos:
        raise UserError("no video given; name at least one file or folder")
    console = people()
    found = search_videos(videos)
    for note in left_out(found.others):
        console.print(f"note: {note}", soft_wrap=True)
    model = load_model(checkpoint)
    task = Recognition(model.class_names or [str(i) for i in range(model.num_classes)])
    predictions = []
    for prediction in predict_files(
        model, task, found.videos, device=resolve_device(device), num_clips=clips, top_k=top_k
    ):
        predictions.append(prediction)
        show_prediction(prediction, console)
    if json:
        print_json([prediction.to_json() for prediction in predictions])
    return 2 if any(prediction.error for prediction in predictions) else 0


def show_prediction(prediction: "Prediction", console: Console) -> None:
    """A table of classes and probabilities, or the error's line."""
    if prediction.error is not None:
        console.print(f"error: {prediction.error}", soft_wrap=True)
        return
    console.print(str(prediction.path), soft_wrap=True)
    table = Table("class", "probability")
    for answer in prediction.answers:
        table.add_row(answer["label"], f"{100 * answer['probability']:.1f} %")
    console.print(table)
