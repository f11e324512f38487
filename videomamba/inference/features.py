"""Features of a long video's frames, by a VideoMamba that looks at overlapping windows."""

import contextlib
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from videomamba.data import eval_transform
from videomamba.data.frame_times import ASSUMED_FPS, FrameTimes
from videomamba.data.reader import VideoReader
from videomamba.data.stream import is_once
from videomamba.errors import UserError
from videomamba.files import whole_file, write_json
from videomamba.inference.source import Source, name_of, open_stream
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

    def padded(self, frames: int) -> int:
        """Frames that windows cover of a video of so many: whole tubelets, and a whole window at least."""
        return max(self.frames, -(-frames // self.tubelet) * self.tubelet)

    def count(self, frames: int) -> int:
        """Windows over so many frames."""
        return len(self.starts(self.padded(frames)))


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
    frames: Iterable[Tensor],
    windows: Windows,
    *,
    device: torch.device,
    batch_size: int = 4,
    on_window: Callable[[int], None] | None = None,
) -> Iterator[Tensor]:
    """Features (d,) of the video's tubelets in order, float32 on the CPU.

    A feature is the spatial mean of a tubelet's tokens after the last norm. Where windows overlap, it is their weighted
    mean, in which the middle of a window counts more than its ends. Frames are read once, in order, and only those that
    the windows of a batch need are kept, so that they may come without an end. The last frame is repeated to fill a
    tubelet, or a window where the video is shorter than one.

    Args:
        model: moved to the device and put in evaluation mode.
        frames: every ``step``-th of the video, (3, H, W) uint8.
        windows: how it is cut.
        device: where to compute.
        batch_size: windows at a time.
        on_window: called with the number of windows done.

    Raises:
        UserError: a batch below one.
    """
    check_options(batch_size=batch_size)
    model.to(device).eval()
    per_window = windows.frames // windows.tubelet
    place = torch.arange(per_window)
    weight = torch.minimum(place + 1, per_window - place).float()[:, None]
    sums: dict[int, tuple[Tensor, float]] = {}
    done = given = 0
    cut = _Cut(windows, map(_prepared(model.preprocessing), frames))
    clips = iter(cut)
    following = next(clips, None)
    while following is not None:
        batch: list[tuple[int, Tensor]] = []
        while following is not None and len(batch) < batch_size:
            batch.append(following)
            following = next(clips, None)
        stacked = torch.stack([clip for _, clip in batch]).to(device)
        found = model.feature_map(stacked).float().mean((3, 4)).transpose(1, 2).cpu()
        for (start, _), features in zip(batch, found, strict=True):
            for i, (feature, w) in enumerate(zip(features * weight, weight.flatten().tolist(), strict=True)):
                total, weights = sums.get(start // windows.tubelet + i, (0.0, 0.0))
                sums[start // windows.tubelet + i] = (total + feature, weights + w)
        done += len(batch)
        if on_window is not None:
            on_window(done)
        final = -(-cut.count // windows.tubelet) if following is None else following[0] // windows.tubelet
        while given < final:
            total, weights = sums.pop(given)
            yield total / weights
            given += 1


def write_features(
    path: Path,
    model: VideoMamba,
    video: Source,
    windows: Windows,
    *,
    name: str,
    device: torch.device,
    stride: int = 1,
    batch_size: int = 4,
    on_window: Callable[[int, int | None], None] | None = None,
) -> FeatureInfo:
    """Writes ``path``, an .npy file (C, T) float32, and the json beside it; one feature every ``stride`` frames.

    Frame f has the feature of the tubelet that it is in. The file is written as it is made, under a temporary name.
    Ctrl-C ends a stream, whose features until then are kept.

    Args:
        path: ends in .npy.
        model: of the features.
        video: a video file, or what can be read only once and may have no end.
        windows: how it is cut.
        name: of the checkpoint, for the json.
        device, batch_size: as of :func:`video_features`.
        stride: source frames from one feature to the next.
        on_window: called with the number of windows done, and of all windows where that is known.

    Raises:
        UserError: a stride or batch below one.
        VideoError: no video.
        KeyboardInterrupt: Ctrl-C, after the files of a stream are written.
    """
    check_options(stride=stride, batch_size=batch_size)
    channels = model.config.embed_dim
    with _opened(video, windows.step, model.preprocessing.decoded_side) as source, whole_file(path) as temporary:
        total = None if source.length is None else windows.count(-(-source.length // windows.step))
        tell = None if on_window is None else lambda done: on_window(done, total)
        made = video_features(model, source.frames(), windows, device=device, batch_size=batch_size, on_window=tell)
        with temporary.open("wb") as file:
            _write_header(file, (channels, 0))  # has room for any length
            begin, at, interrupted = file.tell(), 0, False
            try:
                for i, feature in enumerate(made):
                    column = feature.numpy().astype("<f4").tobytes()
                    while at * stride < (i + 1) * windows.step * windows.tubelet:
                        file.write(column)  # in Fortran order columns are contiguous
                        at += 1
            except KeyboardInterrupt:
                if not source.is_once or not at:
                    raise
                interrupted = True
            times = source.times()
            length = min(at, -(-len(times) // stride))
            assert interrupted or length == -(-len(times) // stride)
            file.truncate(begin + 4 * channels * length)
            file.seek(0)
            _write_header(file, (channels, length))
        seconds = None if times.is_constant else [*times.seconds[::stride][:length].tolist(), times.duration]
        shape = (channels, length)
        info = FeatureInfo(name_of(video), name, times.fps, len(times), stride, shape, windows, seconds)
        write_json(path.with_suffix(".json"), asdict(info))
    if interrupted:
        raise KeyboardInterrupt(f"stopped; {path} has what there was until then")
    return info


def _write_header(file: BinaryIO, shape: tuple[int, int]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": True, "shape": shape})


@dataclass
class _Opened:
    """Every ``step``-th frame of a source, its length where that is known, and the times of all frames at the end."""

    frames: Callable[[], Iterator[Tensor]]
    length: int | None
    times: Callable[[], FrameTimes]
    is_once: bool = False


@contextlib.contextmanager
def _opened(video: Source, step: int, side: int) -> Iterator[_Opened]:
    if isinstance(video, str | Path) and not is_once(video):
        with VideoReader(video) as reader:
            yield _Opened(lambda: reader.stream(step=step, short_side=side), reader.num_frames, lambda: reader.times)
        return
    with open_stream(video) as stream:
        passed = array("d")

        def times() -> FrameTimes:
            seconds = np.array(passed)
            rate = (len(seconds) - 1) / seconds[-1] if len(seconds) > 1 else None
            return FrameTimes(seconds, rate or stream.fps or ASSUMED_FPS)

        frames = stream.frames(step=step, short_side=side, on_time=passed.append)
        yield _Opened(lambda: (frame.picture for frame in frames), None, times, is_once=True)


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


def _prepared(preprocessing: Preprocessing) -> Callable[[Tensor], Tensor]:
    prepare = eval_transform(preprocessing)
    return lambda frame: prepare(frame[None])


class _Cut:
    """Windows of frames as they come: the start and the clip (3, T, h, w) of each.

    Attributes:
        count: frames so far.
    """

    def __init__(self, windows: Windows, frames: Iterator[Tensor]) -> None:
        self._windows, self._frames = windows, frames
        self.count = 0

    def __iter__(self) -> Iterator[tuple[int, Tensor]]:
        size, start = self._windows.frames, 0
        kept: deque[Tensor] = deque(maxlen=size)
        for frame in self._frames:
            kept.append(frame)
            self.count += 1
            if self.count == start + size:
                yield start, torch.cat(list(kept), 1)
                start += self._windows.hop
        if not self.count:
            return
        end = self._windows.padded(self.count)
        kept.extend([kept[-1]] * (end - self.count))
        if end > start - self._windows.hop + size or not start:
            yield end - size, torch.cat(list(kept), 1)
