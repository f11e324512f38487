"""Decoding with torchcodec, where it is installed and finds FFmpeg's libraries: faster on long videos."""

import functools
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from videomamba.data.decode_pyav import first_bytes
from videomamba.data.errors import VideoError, reason

_CALL_BYTES = 2**26  # of frames that one call decodes


@functools.cache
def torchcodec_status() -> tuple[bool, str]:
    """Whether torchcodec works on this machine, and why not in one line."""
    no_ffmpeg = "installed, but FFmpeg's shared libraries were not found (apt install ffmpeg, brew install ffmpeg)"
    try:
        import torchcodec
    except ImportError:
        return False, "not installed: pip install 'videomamba[torchcodec]'"
    except (RuntimeError, OSError):
        return False, no_ffmpeg
    if getattr(torchcodec, "ffmpeg_major_version", "older") is None:  # since 0.17 it fails at its first use only
        return False, no_ffmpeg
    return True, "works"


def is_indexed(path: Path) -> bool:
    """Whether a file is mp4/mov or mkv/webm: elsewhere torchcodec's seeks were seen to miss frames (AVI, MPEG-TS)."""
    head = first_bytes(path)
    return head[4:8] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3"


class TorchcodecDecoder:
    """Frames of one file by their place in presentation order; ``seek_mode="exact"`` reads all packets first."""

    name = "torchcodec"

    def __init__(self, path: Path, num_threads: int) -> None:
        from torchcodec.decoders import VideoDecoder

        self.path = path
        if not is_indexed(path):
            raise VideoError(f"{path} is neither mp4/mov nor mkv/webm, where torchcodec finds frames exactly; use PyAV")
        try:
            self.decoder = VideoDecoder(
                str(path), seek_mode="exact", dimension_order="NHWC", num_ffmpeg_threads=num_threads
            )
        except (RuntimeError, ValueError) as error:
            raise VideoError(f"{path} is not a video that torchcodec can open: {reason(error)}") from error
        self.num_frames = len(self.decoder)
        if not self.num_frames:
            raise VideoError(f"{path} has a video stream without frames")
        self.fps = float(self.decoder.metadata.average_fps or 25.0)

    def close(self) -> None:
        del self.decoder

    def frames(self, indices: list[int]) -> Iterator[tuple[int, float, Tensor]]:
        """(index, time in seconds, (H, W, 3) uint8) of each wanted frame, a few at a time to bound memory.

        A frame that cannot be decoded is replaced by the one before it, as with PyAV.
        """
        last: tuple[int, float, Tensor] | None = None
        metadata = self.decoder.metadata
        together = max(1, _CALL_BYTES // (3 * (metadata.height or 8192) * (metadata.width or 8192)))
        for start in range(0, len(indices), together):
            chosen = indices[start : start + together]
            for index, frame in zip(chosen, self._frames(chosen), strict=True):
                if isinstance(frame, Exception):
                    if last is None:
                        raise VideoError(f"{self.path}: frame {index} cannot be decoded: {reason(frame)}") from frame
                else:
                    last = index, *frame
                assert last is not None
                yield last

    def _frames(self, indices: list[int]) -> list[tuple[float, Tensor] | Exception]:
        """Times and pictures by one call, which is faster; one by one where it fails, so that the others are kept."""
        try:
            batch = self.decoder.get_frames_at(indices)
        except (RuntimeError, IndexError):
            return [self._frame(index) for index in indices]
        return list(zip(batch.pts_seconds.tolist(), batch.data, strict=True))

    def _frame(self, index: int) -> tuple[float, Tensor] | Exception:
        try:
            frame = self.decoder.get_frame_at(index)
        except (RuntimeError, IndexError) as error:
            return error
        return float(frame.pts_seconds), frame.data
