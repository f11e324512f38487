"""One call from a checkpoint and a source to results, for every task."""

from collections.abc import Iterable, Iterator
from io import IOBase
from pathlib import Path

import torch

from videomamba.checks import check_int
from videomamba.data import VideoError
from videomamba.data.datasets.mstcn import load_features
from videomamba.data.names import Kind
from videomamba.data.stream import is_once
from videomamba.data.walk import search
from videomamba.errors import UserError
from videomamba.inference.detect import detect_people, person_detector
from videomamba.inference.device import resolve_device
from videomamba.inference.feature_times import times_beside
from videomamba.inference.onnx_model import load_trained
from videomamba.inference.recognize import recognize
from videomamba.inference.result import Result
from videomamba.inference.segment import segment_features
from videomamba.inference.source import Inside, Source, as_file, single_sources, videos_or_pictures_in
from videomamba.models import TrainedModel

_FEATURES = Kind("files of features", frozenset((".npy",)))


def predict(
    model_or_checkpoint: TrainedModel | str | Path,
    source: Source | Iterable[Source],
    top_k: int = 5,
    num_clips: int = 1,
    device: str = "auto",
    batch_size: int = 8,
) -> Iterator[Result]:
    """What a model says about videos, one result per video, in order and in bounded memory.

    Decoding and computing overlap, and a recogniser takes videos in batches. A file that cannot be read, or in which a
    detector sees nobody, gives a result with an ``error``; the other videos are not affected.

    Args:
        model_or_checkpoint: a model, anything that :func:`videomamba.load_model` takes, or an .onnx file that
            :func:`videomamba.export` wrote, which onnxruntime computes on the CPU. A detector looks at the people that
            torchvision's Faster R-CNN finds, once per second; a segmenter takes files of features (.npy) instead of
            videos.
        source: a video file, a folder of them, a pattern such as ``clips/*.mp4``, a list (.txt, .csv), the http(s) URL
            of a file, bytes or a file object of a video, a tensor, or an iterable of these. A tensor holds all frames,
            (T, 3, H, W) uint8, or prepared clips, (3, T, H, W) or (V, 3, T, H, W) floating point. Detectors and
            segmenters take no bytes, file objects and tensors; for a detector, a folder of numbered pictures is one
            video.
        top_k: classes per video, at most.
        num_clips: clips of a video whose probabilities are averaged.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        batch_size: videos per forward pass.

    Raises:
        UserError: no such checkpoint, device or source, or a number below one.

    Example:
        >>> for result in videomamba.predict("runs/mine", "clips/", top_k=1):
        ...     print(result.path, result.error or result.top_k[0].label)  # doctest: +ELLIPSIS
        clips/blue/blue_0.mp4 ...
        clips/green/green_0.mp4 ...
        clips/red/red_0.mp4 ...
    """
    for name, value in (("top_k", top_k), ("num_clips", num_clips), ("batch_size", batch_size)):
        check_int(name, value, at_least=1)
    where = resolve_device(device)
    given = model_or_checkpoint
    model = given if isinstance(given, TrainedModel) else load_trained(given, device)
    if model.task == "segmentation":
        features = _named(source, "files of features (.npy)", inside=_features_in)
        if (other := next((item for item in features if is_once(item)), None)) is not None:
            raise UserError(f"this model takes files of features (.npy); {other} is none: save it to a file")
        return (_segmented(model, Path(item), where) for item in features)
    if model.task == "detection":
        return _detections(model, _named(source, "video files", inside=videos_or_pictures_in), where)
    return recognize(model, source, device=where, top_k=top_k, num_clips=num_clips, batch_size=batch_size)


def _segmented(model: TrainedModel, path: Path, device: torch.device) -> Result:
    try:
        segments = segment_features(model, load_features(path), device=device, times=times_beside(path))
        return Result(str(path), segments=segments)
    except UserError as error:
        return Result(str(path), error=str(error))


def _detections(model: TrainedModel, videos: Iterable[str | Path], device: torch.device) -> Iterator[Result]:
    detector = person_detector(device)
    for video in videos:
        try:
            with as_file(video) as path:
                seen = detect_people(model, path, detector, device=device)
            yield Result(str(video), keyframes=seen, preprocessing=model.preprocessing)
        except UserError as error:
            yield Result(str(video), error=str(error))


def _named(source: Source | Iterable[Source], what: str, *, inside: Inside) -> list[str | Path]:
    """The paths and URLs that a source stands for."""
    items = [source] if isinstance(source, str | Path | bytes | IOBase) else list(source)
    other = next((item for item in items if not isinstance(item, str | Path)), None)
    if other is not None:
        raise UserError(f"this model takes paths of {what}; it was given {type(other).__name__}")
    return [item for item in single_sources(items, inside=inside) if isinstance(item, str | Path)]


def _features_in(folder: Path) -> tuple[Path, ...]:
    found = search(folder, kind=_FEATURES).videos
    if not found:
        raise VideoError(f"{folder} holds no file of features (.npy)")
    return found
