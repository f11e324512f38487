"""``videomamba detect``: what each person in a video does, as a video and a table."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.progress import Progress

from videomamba.cli.common.options import Device, Json, option, people, print_json
from videomamba.cli.common.outputs import check_suffix
from videomamba.errors import UserError
from videomamba.files import check_writable
from videomamba.tables import write_csv_lines

if TYPE_CHECKING:
    from videomamba.inference.result import Result


def detect(
    source: Annotated[str, tyro.conf.Positional, option("VIDEO")],
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
    fps: Annotated[float | None, option("X")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Recognises what each person in a video does, and writes a video with boxes and actions.

    The csv has one row video,timestamp,x1,y1,x2,y2,action,score per box and action; `videomamba score ava` reads it.

    Args:
        source: a video file, the http(s) URL of one, or a folder of numbered pictures
        boxes: csv or json file with boxes, as fractions of the picture: video,timestamp,x1,y1,x2,y2[,action],score;
            without this option, torchvision's Faster R-CNN finds them
        keyframes: how a timestamp of these boxes becomes a frame: ORIGIN:SPACING is the timestamp of the first frame
            and the seconds from one to the next, even:N spreads N timestamps evenly over the video, ava counts AVA's
            seconds of the film
        category: what Faster R-CNN looks for, one of COCO's categories
        every: seconds between the frames that Faster R-CNN looks at
        box_score: lowest score of a box (0.8 with Faster R-CNN, otherwise all)
        score: lowest probability of an action that is drawn and printed
        out: the video to write, 4K at most; by default NAME-actions.mp4 in the current folder
        csv: also write all scores there
        label_map: for the action numbers of the csv, where they are not 1, 2, 3 and so on
        fps: pictures per second of a folder of pictures (30)
    """
    from videomamba.data.datasets.keyframe_clips import open_frames
    from videomamba.inference.boxes import find_boxes, look_times, read_boxes
    from videomamba.inference.detect import detect_actions, write_film
    from videomamba.inference.device import resolve_device
    from videomamba.inference.onnx_model import load_trained
    from videomamba.inference.result import Result
    from videomamba.inference.source import as_file
    from videomamba.tasks.detection import Detection

    console, where, video = people(), resolve_device(device), Path(source)
    model: Any = load_trained(checkpoint, device)
    Detection(model.labels).check_model(model)
    numbers = _numbers(model.labels, label_map)
    out = out or Path(f"{video.stem}-actions.mp4")
    check_suffix("--out", out, (".mp4",))
    for path in (out, csv):
        if path is not None:
            check_writable(path, folder=False)
    with (
        as_file(source) as path,
        open_frames(path, fps=fps) as reader,
        Progress(console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        if boxes is not None:
            looks = read_boxes(boxes, video, reader, keyframes=keyframes, threshold=box_score or 0.0)
        else:
            frames, least = look_times(reader, every), 0.8 if box_score is None else box_score
            found = find_boxes(reader, frames, category=category, threshold=least, device=where)
            looks = [x for x in bar.track(found, total=len(frames), description=f"looking for {category}") if x.boxes]
            if not looks:
                raise UserError(f"no {category} found with a score of {least} or more; --category names others of COCO")
        actions = detect_actions(model, reader, looks, device=where)
        found_actions = tuple(bar.track(actions, total=len(looks), description="recognising actions"))
        result = Result(source, keyframes=found_actions, preprocessing=model.preprocessing)
        film = write_film(out, reader, list(result.keyframes), threshold=score)
        for _ in bar.track(film, total=reader.num_frames, description="drawing"):
            pass
    _say(result, model.labels, score, console)
    if csv is not None:
        _write_csv(csv, video.name if video.is_dir() else video.stem, result, numbers)
    console.print(f"drawn: {out}" + ("" if csv is None else f"; scores: {csv}"), soft_wrap=True)
    if json:
        print_json({"video": source, "drawn": str(out), **result.to_dict()})
    return 0


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


def _write_csv(path: Path, video: str, result: "Result", numbers: list[int]) -> None:
    """One row per box and action, in the order of the classes, as AVA's detections have them."""
    rows: list[tuple[Any, ...]] = []
    for keyframe in result.keyframes:
        for one in keyframe.boxes:
            for action in sorted(one.actions, key=lambda action: action.index):
                place = (f"{value:.6g}" for value in one.box)
                rows.append(
                    (video, f"{keyframe.timestamp:04d}", *place, numbers[action.index], f"{action.probability:.6f}")
                )
    write_csv_lines(path, rows)


def _say(result: "Result", names: tuple[str, ...], score: float, console: Console) -> None:
    """How often each action was seen."""
    boxes = [box for keyframe in result.keyframes for box in keyframe.boxes]
    seen = Counter(action.label for box in boxes for action in box.actions if action.probability >= score)
    console.print(f"{len(boxes)} boxes in {len(result.keyframes)} keyframes")
    for name in names:
        if seen[name]:
            console.print(f"  {name}: {seen[name]}")
