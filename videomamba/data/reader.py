"""Reading frames of a video by index, with whichever decoder works here."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from av.error import FFmpegError
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from videomamba.data.clip import Clip
from videomamba.data.closing import Closing
from videomamba.data.decode_picture import PictureDecoder
from videomamba.data.decode_pyav import PyAVDecoder
from videomamba.data.decode_torchcodec import TorchcodecDecoder, is_indexed, torchcodec_status
from videomamba.data.errors import VideoError, reason
from videomamba.data.names import PICTURE_SUFFIXES
from videomamba.errors import UserError
from videomamba.notes import UserNote

DecoderName = Literal["auto", "torchcodec", "pyav"]


class VideoReader(Closing):
    """Frames of a video file by index; a context manager.

    Index i is the i-th frame in the order of presentation, whatever the container says about B-frames or a variable
    rate, and both decoders give the same picture for it, turned and mirrored as the file asks. The video is the file's
    best video stream, as FFmpeg ranks them; a cover picture is none.

    What was assumed, and which frames could not be decoded, is issued as a :class:`videomamba.notes.UserNote`.

    Args:
        path: the file.
        decoder: ``auto`` takes torchcodec where it works and the file is mp4/mov or mkv/webm, else PyAV: in other
            containers torchcodec does not find frames exactly. Where torchcodec would count other frames in a file, or
            mirror them wrongly, PyAV reads that file. Pictures (jpg, png, webp ...) are read with Pillow, as one frame.

    Attributes:
        num_frames: frames in the file, counted from its packets, not taken from a header.
        times: when each frame is shown; from a time to a frame and back.
        fps: average frames per second.
        pixel_aspect: width over height of a pixel.
        decoder: name of the decoder in use.

    Raises:
        VideoError: the file is missing, empty, not a video, or has no frames.
        UserError: unknown decoder, or torchcodec asked for where it does not work.

    Example:
        >>> with videomamba.VideoReader("clip.mp4") as reader:
        ...     clip = reader.read([0, 5, 10])
        >>> clip.frames.shape, clip.timestamps.tolist()
        (torch.Size([3, 3, 48, 64]), [0.0, 0.5, 1.0])
    """

    def __init__(self, path: str | Path, *, decoder: DecoderName = "auto") -> None:
        self.path = Path(path)
        try:
            self._decoder = _open(self.path, decoder)
        except (VideoError, OSError) as error:
            raise plainer(self.path) or error from None  # checked after the failure: good files need no check
        self.decoder = self._decoder.name
        self.num_frames = self._decoder.num_frames
        self.times = self._decoder.times
        self.fps = self.times.fps
        self.pixel_aspect = self._decoder.pixel_aspect
        if self.times.is_assumed:
            self._note(f"{self.path} does not say how fast it plays: {self.fps:g} frames a second are assumed")

    def read(self, indices: Sequence[int], *, short_side: int | None = None) -> Clip:
        """The frames at ``indices``, in that order; repeats are allowed.

        Args:
            indices: from 0 to ``num_frames - 1``.
            short_side: shrink each larger frame to this many pixels on its short side as soon as it is decoded, so that
                memory stays bounded whatever the video's size.

        Raises:
            UserError: no index, or one that the video does not have.
            VideoError: nothing can be decoded.
        """
        if not indices or min(indices) < 0 or max(indices) >= self.num_frames:
            raise UserError(f"{self.path} has frames 0 to {self.num_frames - 1}; asked for {list(indices)}")
        ascending = sorted(set(indices))
        found: dict[int, tuple[int, Tensor]] = {}
        for wanted, (index, frame) in zip(ascending, self._frames(ascending), strict=True):
            found[wanted] = (index, shrink(frame, short_side))
        taken = [found[i] for i in indices]
        shape = taken[0][1].shape
        if any(frame.shape != shape for _, frame in taken):  # a stream may change its size on the way
            taken = [(i, resized(frame, list(shape[:2]))) for i, frame in taken]
        return Clip(
            frames=torch.stack([frame for _, frame in taken]).permute(0, 3, 1, 2),
            indices=torch.tensor([i for i, _ in taken]),
            timestamps=torch.tensor([self.times.start + self.times[i] for i, _ in taken], dtype=torch.float64),
            fps=self.fps,
            path=str(self.path),
            notes=self._replaced({wanted: index for wanted, (index, _) in found.items()}),
        )

    def stream(self, *, step: int = 1, short_side: int | None = None) -> Iterator[Tensor]:
        """Every ``step``-th frame (3, H, W) uint8 from the first on, one at a time: memory stays as it is.

        A frame whose size differs from the first one's is resized to it.

        Raises:
            VideoError: nothing can be decoded.
        """
        size: list[int] | None = None
        wanted = list(range(0, self.num_frames, step))
        given = {}
        for asked, (index, decoded) in zip(wanted, self._frames(wanted), strict=True):
            given[asked] = index
            frame = shrink(decoded, short_side)
            size = list(frame.shape[:2]) if size is None else size
            yield resized(frame, size).permute(2, 0, 1)
        self._replaced(given)

    def _frames(self, indices: list[int]) -> Iterator[tuple[int, Tensor]]:
        """Index and picture (H, W, 3) of each frame; what a decoder finds wrong on the way is the file's fault."""
        try:
            yield from self._decoder.frames(indices)
        except VideoError:
            raise
        except (FFmpegError, RuntimeError, OSError, MemoryError) as error:
            raise VideoError(f"{self.path} cannot be decoded: {reason(error)}") from error

    def _replaced(self, given: Mapping[int, int]) -> tuple[str, ...]:
        """Says which frames could not be decoded: wanted index -> index of the one that was given."""
        lost = [wanted for wanted, index in given.items() if index != wanted]
        if not lost:
            return ()
        many = f"{len(lost)} of {len(given)} frames cannot be decoded, the first" if len(lost) > 1 else ""
        which = f"{many} {lost[0]}" if many else f"frame {lost[0]} cannot be decoded"
        note = f"{self.path}: {which}; frame {given[lost[0]]} is used instead"
        self._note(note)
        return (note,)

    def _note(self, text: str) -> None:
        warnings.warn(UserNote(text), stacklevel=3)

    def close(self) -> None:
        """Closes the file."""
        self._decoder.close()


def plainer(path: Path) -> VideoError | None:
    """Why a file cannot be opened, where that has nothing to do with video."""
    if not path.exists():
        return VideoError(f"{path} does not exist")
    if path.is_dir():
        return VideoError(f"{path} is a folder, not a video file")
    if path.stat().st_size == 0:
        return VideoError(f"{path} is empty")
    return None


def _open(path: Path, decoder: str) -> TorchcodecDecoder | PyAVDecoder | PictureDecoder:
    if decoder not in ("auto", "torchcodec", "pyav"):
        raise UserError(f"unknown decoder {decoder!r}; choose auto, torchcodec or pyav")
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return PictureDecoder(path)
    if decoder == "pyav":
        return PyAVDecoder(path)
    works, why_not = torchcodec_status()
    if decoder == "torchcodec" and not works:
        raise UserError(f"decoder 'torchcodec' does not work here: {why_not}")
    if decoder == "torchcodec" and path.is_file() and not is_indexed(path):
        raise VideoError(f"{path} is neither mp4/mov nor mkv/webm, where torchcodec finds frames exactly; use PyAV")
    counted = PyAVDecoder(path)
    if not works or not is_indexed(path):
        return counted
    try:
        return TorchcodecDecoder(counted)
    except VideoError:
        return counted


def shrink(frame: Tensor, short_side: int | None) -> Tensor:
    """A frame (H, W, 3) made smaller until its short side has so many pixels, if it has more."""
    if short_side is None or min(frame.shape[:2]) <= short_side:
        return frame
    return _resize(frame, [short_side])


def resized(frame: Tensor, size: list[int]) -> Tensor:
    """A frame (H, W, 3) of this height and width."""
    return frame if list(frame.shape[:2]) == size else _resize(frame, size)


def _resize(frame: Tensor, size: list[int]) -> Tensor:
    return F.resize(frame.permute(2, 0, 1), size, antialias=True).permute(1, 2, 0)
