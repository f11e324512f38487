"""``videomamba detect``: what each person in a video does, as a video and a table."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.progress import Progress

from videomamba.cli.common.options import Device, Json, option, people, print_json, refuse
from videomamba.cli.common.outputs import check_suffix
from videomamba.errors import UserError
from videomamba.extras import require
from videomamba.files import check_writable
from videomamba.tables import write_csv_lines

if TYPE_CHECKING:
    import torch

    from videomamba.data.frame_folder import FrameFolder
    from videomamba.data.reader import VideoReader
    from videomamba.inference.boxes import FrameBoxes
    from videomamba.inference.result import Result


def detect(
    videos: Annotated[list[str], tyro.conf.Positional, option("VIDEO...")],
    checkpoint: Annotated[str, option("CHECKPOINT", "model folder, run folder (its best/) or Hub id of a detector")],
    boxes: Annotated[Path | None, option("BOXES.csv")] = None,
    keyframes: Annotated[str | None, option("ava|ORIGIN:SPACING|even:N")] = None,
    category: Annotated[str | None, option("NAME")] = None,
    every: Annotated[float | None, option("SECONDS")] = None,
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
    Of several videos, one that cannot be read or has no boxes is skipped, and the exit status is then 2.

    Args:
        videos: video files, folders to search for them, globs, lists (.txt, .csv), http(s) URLs of files, folders of
            numbered pictures
        boxes: csv or json file with boxes, as fractions of the picture: video,timestamp,x1,y1,x2,y2[,action],score;
            without this option, torchvision's Faster R-CNN finds them
        keyframes: how a timestamp of these boxes becomes a frame: ORIGIN:SPACING is the timestamp of the first frame
            and the seconds from one to the next (0:1), even:N spreads N timestamps evenly over the video, ava counts
            AVA's seconds of the film
        category: what Faster R-CNN looks for, one of COCO's categories (person)
        every: seconds between the frames that Faster R-CNN looks at (1)
        box_score: lowest score of a box (0.8 with Faster R-CNN, otherwise all)
        score: lowest probability of an action that is drawn and printed
        out: the video to write, 4K at most, of a single one; by default NAME-actions.mp4 in the current folder
        csv: also write all scores there
        label_map: with --csv: for its action numbers, where they are not 1, 2, 3 and so on
        fps: pictures per second of a folder of pictures (30)
    """
    from videomamba.inference.device import resolve_device
    from videomamba.inference.onnx_model import load_trained
    from videomamba.inference.result import Result
    from videomamba.tasks.detection import Detection

    require("matplotlib", "drawing boxes")
    _check_boxes(boxes, keyframes, category, every)
    if csv is None:
        refuse({"--label-map": label_map}, "action numbers are in --csv FILE.csv alone, which is not given")
    console, where, sources = people(), resolve_device(device), _sources(videos)
    if not any(Path(source).is_dir() for source in sources):
        refuse({"--fps": fps}, "--fps is for folders of pictures, and a video file says its own")
    model: Any = load_trained(checkpoint, device)
    Detection(model.labels).check_model(model)
    numbers, films = _numbers(model.labels, label_map), _films(sources, out)
    for path in (*films, csv):
        if path is not None:
            check_writable(path, folder=False)
    boxes_of = (
        _from_file(boxes, keyframes or "0:1", box_score)
        if boxes is not None
        else _from_detector(category or "person", 1.0 if every is None else every, box_score, where)
    )
    results = []
    for source, film in zip(sources, films, strict=True):
        try:
            results.append(_detected(model, source, film, boxes_of, fps=fps, score=score, device=where))
        except UserError as error:
            if len(sources) == 1:
                raise
            console.print(f"error: {error}", soft_wrap=True)
            results.append(Result(str(source), error=str(error)))
            continue
        _say(results[-1], model.labels, score, console)
        console.print(f"drawn: {film}", soft_wrap=True)
    if csv is not None:
        _write_csv(csv, results, numbers)
        console.print(f"scores: {csv}", soft_wrap=True)
    if json:
        drawn = ({} if result.error else {"drawn": str(film)} for result, film in zip(results, films, strict=True))
        print_json([{**result.to_dict(), **more} for result, more in zip(results, drawn, strict=True)])
    return 2 if any(result.error for result in results) else 0


def _check_boxes(boxes: Path | None, keyframes: str | None, category: str | None, every: float | None) -> None:
    """
    Raises:
        UserError: options of a file of boxes without one, or of Faster R-CNN beside one.
    """
    if every is not None and not every > 0:
        raise UserError(f"--every {every:g}; give seconds above 0")
    if boxes is None:
        refuse({"--keyframes": keyframes}, "timestamps are those of --boxes BOXES.csv, which is not given")
    else:
        refuse(
            {"--category": category, "--every": every}, f"the boxes are those of --boxes {boxes}, none are looked for"
        )


def _sources(names: Sequence[str]) -> list[str | Path]:
    """Each video once; a folder without videos is one of numbered pictures."""
    from videomamba.inference.source import named_sources, videos_or_pictures_in

    if not names:
        raise UserError("no video given; name at least one file or folder")
    return named_sources(names, inside=videos_or_pictures_in)


def _films(sources: Sequence[str | Path], out: Path | None) -> list[Path]:
    """The film of each video.

    Raises:
        UserError: two are the same file, or one is no mp4.
    """
    if out is not None:
        check_suffix("--out", out, (".mp4",))
        if len(sources) > 1:
            raise UserError(
                f"--out {out} is one film, and there are {len(sources)} videos: without it, each has its own"
            )
        return [out]
    films: dict[Path, str | Path] = {}
    for source in sources:
        film = Path(f"{Path(source).stem}-actions.mp4")
        if film in films:
            raise UserError(f"{films[film]} and {source} would both become {film}: give them one at a time, with --out")
        films[film] = source
    return list(films)


BoxesOf = Callable[[Path, "VideoReader | FrameFolder", Progress], "list[FrameBoxes]"]


def _from_file(file: Path, keyframes: str, box_score: float | None) -> BoxesOf:
    from videomamba.inference.boxes import BoxFile

    listed = BoxFile(file, threshold=box_score or 0.0)
    return lambda video, reader, bar: listed.of(video, reader, keyframes=keyframes)


def _from_detector(category: str, every: float, box_score: float | None, device: "torch.device") -> BoxesOf:
    from videomamba.inference.boxes import find_boxes, look_times
    from videomamba.models.object_detector import ObjectDetector

    least = 0.8 if box_score is None else box_score
    detector = ObjectDetector(category, threshold=least, device=device)

    def found(video: Path, reader: "VideoReader | FrameFolder", bar: Progress) -> "list[FrameBoxes]":
        frames = look_times(reader, every)
        looks = bar.track(
            find_boxes(reader, frames, detector), total=len(frames), description=f"looking for {category}"
        )
        kept = [look for look in looks if look.boxes]
        if not kept:
            raise UserError(
                f"{video}: no {category} found with a score of {least} or more; --category names others of COCO"
            )
        return kept

    return found


def _detected(
    model: Any,
    source: str | Path,
    film: Path,
    boxes_of: BoxesOf,
    *,
    fps: float | None,
    score: float,
    device: "torch.device",
) -> "Result":
    """What people do, and the film of it."""
    from videomamba.data.datasets.keyframe_clips import open_frames
    from videomamba.inference.detect import detect_actions, write_film
    from videomamba.inference.result import Result
    from videomamba.inference.source import as_file

    console = people()
    with (
        as_file(source) as path,
        open_frames(path, fps=fps) as reader,
        Progress(console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        looks = boxes_of(Path(source), reader, bar)
        actions = detect_actions(model, reader, looks, device=device)
        keyframes = tuple(bar.track(actions, total=len(looks), description="recognising actions"))
        drawing = write_film(film, reader, list(keyframes), threshold=score)
        for _ in bar.track(drawing, total=reader.num_frames, description="drawing"):
            pass
    return Result(str(source), keyframes=keyframes, preprocessing=model.preprocessing)


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


def _write_csv(path: Path, results: Sequence["Result"], numbers: list[int]) -> None:
    """One row per box and action, in the order of the classes, as AVA's detections have them."""
    rows: list[tuple[Any, ...]] = []
    for result in results:
        video = Path(result.path).name if Path(result.path).is_dir() else Path(result.path).stem
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
