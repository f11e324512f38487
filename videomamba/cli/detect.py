"""``videomamba detect``: what each person in a video does, drawn and as a table."""

import itertools
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.progress import Progress

from videomamba.cli.detect_boxes import find_boxes, read_boxes
from videomamba.cli.options import Device, Json, option, people, print_json
from videomamba.errors import UserError
from videomamba.files import write_csv

if TYPE_CHECKING:
    from videomamba.data.frame_folder import FrameFolder
    from videomamba.data.reader import VideoReader
    from videomamba.tasks.detect_video import KeyframeActions


def detect(
    video: Annotated[Path, tyro.conf.Positional, option("VIDEO")],
    checkpoint: Annotated[str, option("CHECKPOINT", "model folder, run folder (its best/) or Hub id of a detector")],
    boxes: Annotated[Path | None, option("BOXES.csv")] = None,
    keyframes: Annotated[str, option("ava|ORIGIN:SPACING|even:N")] = "0:1",
    category: Annotated[str, option("NAME")] = "person",
    every: Annotated[float, option("SECONDS")] = 1.0,
    box_score: Annotated[float | None, option("X")] = None,
    score: Annotated[float, option("X")] = 0.5,
    out: Annotated[Path | None, option("FILE.mp4")] = None,
    csv: Annotated[Path | None, option("FILE.csv")] = None,
    label_map: Annotated[Path | None, option("L.pbtxt")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Tells what each person in a video does, and draws it.

    The csv has a row video,timestamp,x1,y1,x2,y2,action,score for each box and each action: `videomamba score ava`
    reads it.

    Args:
        video: a video file, or a folder of numbered pictures
        boxes: csv or json file with boxes, as fractions of the picture: video,timestamp,x1,y1,x2,y2[,action],score;
            without it torchvision's Faster R-CNN finds them
        keyframes: how a timestamp of these boxes becomes a frame: ORIGIN:SPACING is the timestamp of the first frame
            and the seconds from one to the next, even:N that N lie evenly over the video, ava AVA's seconds of the film
        category: what Faster R-CNN looks for, one of COCO's categories
        every: seconds from one look of Faster R-CNN to the next
        box_score: least score of a box (0.8 where Faster R-CNN finds them, else all)
        score: least score of an action that is drawn and printed
        out: the drawn video; by default NAME-actions.mp4 here
        csv: also write all scores there
        label_map: for the action numbers of the csv, where they are not 1, 2, 3 and so on
    """
    from videomamba.data.datasets.keyframe_clips import open_frames
    from videomamba.engine import resolve_device
    from videomamba.models import load_model
    from videomamba.tasks.detect_video import detect_actions
    from videomamba.tasks.detection import Detection

    if not every > 0:
        raise UserError(f"--every {every}: it must be above 0")
    console, where = people(), resolve_device(device)
    model = load_model(checkpoint)
    names = model.class_names or tuple(str(i + 1) for i in range(model.num_classes))
    Detection(names).check_model(model)
    numbers = _numbers(names, label_map)
    out = out or Path(f"{video.stem}-actions.mp4")
    with open_frames(video, fps=30.0) as reader:
        if boxes is not None:
            found = read_boxes(boxes, video, reader, keyframes, box_score or 0.0, console)
        else:
            found = find_boxes(reader, category, every, 0.8 if box_score is None else box_score, where, console)
        actions: list[KeyframeActions] = []
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            for keyframe in bar.track(detect_actions(model, reader, found, device=where), total=len(found)):
                actions.append(keyframe)
        _draw(out, reader, actions, names, score, console)
    _say(actions, names, score, console)
    if csv is not None:
        _write_csv(csv, video.name if video.is_dir() else video.stem, actions, numbers)
    console.print(f"drawn: {out}" + ("" if csv is None else f"; scores: {csv}"), soft_wrap=True)
    if json:
        fps = reader.fps
        print_json({"video": str(video), "drawn": str(out), "keyframes": [_as_json(a, names, fps) for a in actions]})
    return 0


def _draw(
    path: Path,
    reader: "VideoReader | FrameFolder",
    actions: "list[KeyframeActions]",
    names: tuple[str, ...],
    score: float,
    console: Console,
) -> None:
    """Every frame with the boxes of the nearest keyframe, where one is near."""
    from videomamba.data.video_writer import VideoWriter
    from videomamba.viz.boxes import DrawnBox, draw_boxes

    places = [a.frame for a in actions]
    gaps = [b - a for a, b in itertools.pairwise(places)]
    reach = statistics.median(gaps) / 2 + 1 if gaps else reader.fps
    drawn = [
        [
            DrawnBox(
                box, [f"{names[i]} {row[i]:.2f}" for i in row.argsort(descending=True).tolist() if row[i] >= score]
            )
            for (box, _), row in zip(a.boxes, a.scores, strict=True)
        ]
        for a in actions
    ]
    height, width = reader.read([0]).frames.shape[-2:]
    chunks = [range(i, min(i + 64, reader.num_frames)) for i in range(0, reader.num_frames, 64)]
    with (
        VideoWriter(path, height=height, width=width, fps=reader.fps) as writer,
        Progress(console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        for chunk in bar.track(chunks, description="drawing"):
            for index, frame in zip(chunk, reader.read(list(chunk)).frames, strict=True):
                near = min(range(len(places)), key=lambda i: abs(places[i] - index))
                boxes = drawn[near] if abs(places[near] - index) <= reach else []
                writer.write(draw_boxes(frame.permute(1, 2, 0).numpy(), boxes))


def _numbers(names: tuple[str, ...], label_map: Path | None) -> list[int]:
    """The action number of each class."""
    if label_map is None:
        return list(range(1, len(names) + 1))
    from videomamba.data.datasets.ava_files import read_label_map

    numbers = {name: number for number, name in read_label_map(label_map).items()}
    missing = [name for name in names if name not in numbers]
    if missing:
        raise UserError(f"{label_map} lacks {len(missing)} of the checkpoint's classes, the first {missing[0]!r}")
    return [numbers[name] for name in names]


def _write_csv(path: Path, video: str, actions: "list[KeyframeActions]", numbers: list[int]) -> None:
    rows = [
        (video, f"{a.timestamp:04d}", *(f"{value:.6g}" for value in box), number, f"{value:.6f}")
        for a in actions
        for (box, _), row in zip(a.boxes, a.scores.tolist(), strict=True)
        for number, value in zip(numbers, row, strict=True)
    ]
    write_csv(path, rows)


def _as_json(a: "KeyframeActions", names: tuple[str, ...], fps: float) -> dict[str, Any]:
    boxes = [
        {
            "box": list(box),
            "box_score": box_score,
            "actions": [
                {"label": names[i], "index": i, "score": row[i]} for i in sorted(range(len(row)), key=lambda i: -row[i])
            ],
        }
        for (box, box_score), row in zip(a.boxes, a.scores.tolist(), strict=True)
    ]
    return {"timestamp": a.timestamp, "frame": a.frame, "seconds": a.frame / fps, "boxes": boxes}


def _say(actions: "list[KeyframeActions]", names: tuple[str, ...], score: float, console: Console) -> None:
    """How often each action was seen."""
    seen = sum((a.scores >= score).sum(0) for a in actions)
    boxes = sum(len(a.boxes) for a in actions)
    console.print(f"{boxes} boxes in {len(actions)} keyframes")
    for name, count in zip(names, seen.tolist(), strict=True):  # type: ignore[union-attr]
        if count:
            console.print(f"  {name}: {count}")
