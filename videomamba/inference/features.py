"""Features of a long video's frames, by a VideoMamba that looks at overlapping windows."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from videomamba.data import eval_transform
from videomamba.data.reader import VideoReader
from videomamba.errors import UserError
from videomamba.files import read_json, whole_file, write_json
from videomamba.models import VideoMamba, load_model
from videomamba.preprocessing import Preprocessing


@dataclass(frozen=True)
class Windows:
    """How a video is cut.

    Attributes:
        frames: of a window.
        step: source frames from one frame of a window to the next.
        hop: frames from the start of a window to that of the next one.
        tubelet: frames that become one feature.
    """

    frames: int
    step: int
    hop: int
    tubelet: int

    def starts(self, length: int) -> list[int]:
        """Of the windows over ``length`` frames, a multiple of the tubelet and no less than a window."""
        last = length - self.frames
        return [*range(0, last, self.hop), last]


@dataclass(frozen=True)
class FeatureInfo:
    """What the json beside a file of features says.

    Attributes:
        video: the file that they are of.
        model: the checkpoint that made them.
        fps: source frames per second, on average.
        seconds: (T + 1,) when each feature's frame is shown, and the end; None where the rate does not vary.
        frames: source frames.
        stride: source frames from one feature to the next.
        shape: (C, T) of the features.
        window: how the video was cut, in frames; see :class:`Windows`.
    """

    video: str
    model: str
    fps: float
    frames: int
    stride: int
    shape: tuple[int, int]
    window: Windows
    seconds: list[float] | None


@dataclass(frozen=True)
class FeatureTimes:
    """When the features of a video are.

    Attributes:
        fps: features per second, on average; None if unknown.
        moments: (T + 1,) seconds of each feature, and of the end, where the rate varies; else None.
    """

    fps: float | None = None
    moments: tuple[float, ...] | None = None

    def seconds(self, feature: int) -> float | None:
        """When a feature begins; the number of features gives the end."""
        if self.moments is not None:
            return self.moments[feature]
        return feature / self.fps if self.fps else None


def times_beside(features: Path) -> FeatureTimes:
    """The contents of the json beside a file of features; empty if there is none.

    Raises:
        UserError: the json has a rate that is not possible.
    """
    beside = features.with_suffix(".json")
    try:
        values = read_json(beside)
        fps, stride, moments = values["fps"], values["stride"], values.get("seconds")
    except (UserError, KeyError, TypeError):  # none, or one of something else
        return FeatureTimes()
    try:
        rate = float(fps) / int(stride)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        rate = math.nan
    if not is_rate(rate):
        raise UserError(f"{beside}: fps {fps} over stride {stride} is not a rate {RATES}; --fps X overrides it")
    if moments is not None and not (isinstance(moments, list) and all(type(m) in (int, float) for m in moments)):
        raise UserError(f"{beside}: seconds is not a list of numbers")
    return FeatureTimes(rate, None if moments is None else tuple(moments))


RATES = "between 1e-6 and 1e6"


def is_rate(fps: float) -> bool:
    """Whether this number of features per second is possible."""
    return 1e-6 <= fps <= 1e6  # not NaN


def windows_for(model: VideoMamba, *, step: int | None = None, overlap: float = 0.5) -> Windows:
    """The model's own length and step (1 for a model that sees whole videos), windows overlapping by a share.

    Raises:
        UserError: a step below one or an overlap outside [0, 1).
    """
    step = (model.preprocessing.stride or 1) if step is None else step
    if step < 1:
        raise UserError(f"step={step}; it must be at least 1")
    if not 0 <= overlap < 1:
        raise UserError(f"overlap={overlap}; it must be at least 0 and below 1")
    frames, tubelet = model.config.num_frames, model.config.tubelet_size
    hop = max(1, round(frames * (1 - overlap) / tubelet)) * tubelet
    return Windows(frames, step, hop, tubelet)


def check_options(*, stride: int = 1, batch_size: int = 1) -> None:
    """
    Raises:
        UserError: a stride or a batch below one.
    """
    for name, value in (("stride", stride), ("batch_size", batch_size)):
        if value < 1:
            raise UserError(f"{name}={value}; it must be at least 1")


@torch.inference_mode()
def video_features(
    model: VideoMamba,
    reader: VideoReader,
    windows: Windows,
    *,
    device: torch.device,
    batch_size: int = 4,
    on_window: Callable[[int, int], None] | None = None,
) -> Iterator[Tensor]:
    """Features (d,) of the video's tubelets in order, float32 on the CPU.

    A feature is the spatial mean of a tubelet's tokens after the last norm. Where windows overlap, it is their weighted
    mean, in which the middle of a window counts more than its ends. Frames are read once, in order; only the frames and
    features that the windows of a batch need are kept. The last frame is repeated to fill a tubelet, or a
    window where the video is shorter than one.

    Args:
        model: moved to the device and put in evaluation mode.
        reader: of the video.
        windows: how it is cut.
        device: where to compute.
        batch_size: windows at a time.
        on_window: called with the number of windows done and of all windows.

    Raises:
        UserError: a batch below one.
    """
    check_options(batch_size=batch_size)
    model.to(device).eval()
    frames = -(-reader.num_frames // windows.step)
    wanted = -(-frames // windows.tubelet)
    starts = windows.starts(max(windows.frames, wanted * windows.tubelet))
    per_window = windows.frames // windows.tubelet
    place = torch.arange(per_window)
    weight = torch.minimum(place + 1, per_window - place).float()[:, None]
    sums: dict[int, tuple[Tensor, float]] = {}
    done = given = 0
    for clips in _batched(_clips(reader, model.preprocessing, windows, starts), batch_size):
        found = model.feature_map(torch.stack(clips).to(device)).float().mean((3, 4)).transpose(1, 2).cpu()
        for start, features in zip(starts[done : done + len(clips)], found, strict=True):
            for i, (feature, w) in enumerate(zip(features * weight, weight.flatten().tolist(), strict=True)):
                total, weights = sums.get(start // windows.tubelet + i, (0.0, 0.0))
                sums[start // windows.tubelet + i] = (total + feature, weights + w)
        done += len(clips)
        if on_window is not None:
            on_window(done, len(starts))
        final = wanted if done == len(starts) else starts[done] // windows.tubelet
        while given < min(final, wanted):
            total, weights = sums.pop(given)
            yield total / weights
            given += 1


def write_features(
    path: Path,
    model: VideoMamba,
    video: Path,
    windows: Windows,
    *,
    name: str,
    device: torch.device,
    stride: int = 1,
    batch_size: int = 4,
    on_window: Callable[[int, int], None] | None = None,
) -> FeatureInfo:
    """Writes ``path``, an .npy file (C, T) float32, and the json beside it; one feature every ``stride`` frames.

    Frame f has the feature of the tubelet that it is in. The file is written as it is made, under a temporary name.

    Args:
        path: ends in .npy.
        model: of the features.
        video: a video file.
        windows: how it is cut.
        name: of the checkpoint, for the json.
        device, batch_size, on_window: as of :func:`video_features`.
        stride: source frames from one feature to the next.

    Raises:
        UserError: a stride or batch below one.
        VideoError: no video.
    """
    check_options(stride=stride, batch_size=batch_size)
    with whole_file(path) as temporary:
        with VideoReader(video) as reader:
            length, span = -(-reader.num_frames // stride), windows.step * windows.tubelet
            shape = (model.config.embed_dim, length)
            with temporary.open("wb") as file:
                np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": True, "shape": shape})
                at = 0
                for i, feature in enumerate(
                    video_features(model, reader, windows, device=device, batch_size=batch_size, on_window=on_window)
                ):
                    column = feature.numpy().astype("<f4").tobytes()
                    while at < length and at * stride < (i + 1) * span:
                        file.write(column)  # in Fortran order columns are contiguous
                        at += 1
                assert at == length
            times = reader.times
            seconds = None if times.is_constant else [*times.seconds[::stride].tolist(), times.duration]
            info = FeatureInfo(str(video), name, reader.fps, reader.num_frames, stride, shape, windows, seconds)
        write_json(path.with_suffix(".json"), asdict(info))
    return info


def load_backbone(checkpoint: str | Path) -> VideoMamba:
    """A VideoMamba that makes features.

    Raises:
        UserError: no checkpoint, or one of another model.
    """
    model = load_model(checkpoint)
    if not isinstance(model, VideoMamba):
        raise UserError(
            f"{checkpoint} is not a VideoMamba but {type(model).__name__}, which gives no features of frames"
        )
    return model


def _clips(reader: VideoReader, preprocessing: Preprocessing, windows: Windows, starts: list[int]) -> Iterator[Tensor]:
    """Clips (3, T, h, w) of the windows in order."""
    prepare = eval_transform(preprocessing)
    frames = reader.stream(step=windows.step, short_side=preprocessing.decoded_side)
    stream = (prepare(frame[None]) for frame in frames)
    kept: deque[Tensor] = deque()
    first = 0  # frame that kept[0] is
    for start in starts:
        while kept and first < start:
            kept.popleft()
            first += 1
        while len(kept) < windows.frames:
            frame = next(stream, None)
            if frame is not None:
                last = frame
            kept.append(last)
        yield torch.cat(list(kept), 1)


def _batched(clips: Iterator[Tensor], size: int) -> Iterator[list[Tensor]]:
    batch: list[Tensor] = []
    for clip in clips:
        batch.append(clip)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
