"""Decoding with torchcodec, where it is installed and finds FFmpeg's libraries: faster on long videos."""

import functools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from videomamba.data.decode_pyav import PyAVDecoder
from videomamba.data.errors import VideoError, reason
from videomamba.data.ffmpeg import ffmpeg_name
from videomamba.data.to_rgb import is_mirrored
from videomamba.extras import how_to_install

_CALL_BYTES = 2**26  # of frames that one call decodes
_FAILURES = (RuntimeError, ValueError, IndexError, OSError)


@functools.cache
def torchcodec_status() -> tuple[bool, str]:
    """Whether torchcodec works on this machine, and why not in one line."""
    try:
        import torchcodec
    except ModuleNotFoundError as error:
        if error.name == "torchcodec":
            return False, f"not installed: {how_to_install('torchcodec')}"
        return False, _cause(str(error))
    except (ImportError, RuntimeError, OSError) as error:
        return False, _cause(str(error))
    if getattr(torchcodec, "ffmpeg_major_version", "older") is None:  # since 0.17 it fails at its first use only
        from torchcodec._internally_replaced_utils import load_core_libraries

        try:
            load_core_libraries()
        except (ImportError, RuntimeError, OSError) as error:
            return False, _cause(str(error))
    return True, "works"


def _cause(said: str) -> str:
    """One line of what torchcodec says of the libraries that it tried to load, a long text with a part for each
    version of FFmpeg; most are not installed, and a library that is installed and does not fit explains most."""
    lines = [line.strip().removeprefix("OSError: ") for line in said.splitlines()]
    misfits = [line for line in lines if "undefined symbol" in line or "Symbol not found" in line]
    missing = [line for line in lines if "cannot open shared object file" in line or "Library not loaded" in line]
    ours = [line for line in missing if not any(name in line for name in ("libav", "libsw", "libpostproc"))]
    if misfits:
        return f"installed, but made for another PyTorch than this one: {_without_folder(misfits[0])}"
    if ours:
        return f"installed, but a library that it needs was not found: {_without_folder(ours[0])}"
    if missing or "FFmpeg" in said:
        return "installed, but FFmpeg's shared libraries were not found (apt install ffmpeg, brew install ffmpeg)"
    return f"installed, but it cannot be loaded: {next(iter(lines), 'no reason given')}"


def _without_folder(line: str) -> str:
    return f"{Path(line.partition(':')[0]).name}:{line.partition(':')[2]}" if line.startswith("/") else line


def is_indexed(path: Path) -> bool:
    """Whether a file is mp4/mov or mkv/webm: elsewhere (AVI, MPEG-TS) torchcodec's seeks can miss frames."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3"


class TorchcodecDecoder:
    """The frames of a :class:`PyAVDecoder`, decoded by torchcodec; PyAV has counted them and knows their times.

    Where torchcodec cannot give a frame, or gives it with another frame's time, PyAV answers for it and its neighbours.
    """

    name = "torchcodec"

    def __init__(self, counted: PyAVDecoder) -> None:
        """Opens the file that ``counted`` has counted.

        Raises:
            VideoError: torchcodec cannot open this file, or would give other frames or pictures of it.
        """
        from torchcodec.decoders import VideoDecoder

        self.counted = counted
        self.path, self.times, self.num_frames = counted.path, counted.times, counted.num_frames
        self.pixel_aspect = counted.pixel_aspect
        if not counted.by_pts:
            raise VideoError(f"{self.path} has packets whose times do not tell its frames apart")
        try:
            self.decoder = VideoDecoder(
                ffmpeg_name(self.path),
                stream_index=counted.stream.index,
                seek_mode="exact",
                dimension_order="NHWC",
                num_ffmpeg_threads=1,
            )
        except _FAILURES as error:
            raise VideoError(f"{self.path} is not a video that torchcodec can open: {reason(error)}") from error
        if len(self.decoder) != self.num_frames:
            raise VideoError(f"{self.path} has {self.num_frames} frames, and {len(self.decoder)} by torchcodec's count")
        if counted.turns:
            raise VideoError(f"{self.path} has frames that say how they are turned, which torchcodec does not support")
        is_turned = getattr(self.decoder.metadata, "rotation", 0.0) is not None  # by 0 degrees, where it is mirrored
        if is_turned and is_mirrored(counted.display_matrix()):
            raise VideoError(f"{self.path} is mirrored, which torchcodec does not support")
        unit = counted.stream.time_base or Fraction(1)
        self._when = [float(pts * unit) for pts in counted.pts]
        self._unit = float(unit)

    def close(self) -> None:
        del self.decoder
        self.counted.close()

    def frames(self, indices: list[int]) -> Iterator[tuple[int, Tensor]]:
        """(index, (H, W, 3) uint8) of each wanted frame, a few at a time to bound memory; as
        :meth:`PyAVDecoder.frames`."""
        metadata = self.decoder.metadata
        together = max(1, _CALL_BYTES // (3 * (metadata.height or 8192) * (metadata.width or 8192)))
        for start in range(0, len(indices), together):
            chosen = indices[start : start + together]
            pictures = self._pictures(chosen)
            yield from self.counted.frames(chosen) if pictures is None else zip(chosen, pictures, strict=True)

    def _pictures(self, indices: list[int]) -> list[Tensor] | None:
        """The pictures, or None where torchcodec fails or gives other frames."""
        try:
            batch = self.decoder.get_frames_at(indices)
        except _FAILURES:
            return None
        right = all(map(self._is, indices, batch.pts_seconds.tolist()))
        return list(batch.data) if right else None

    def _is(self, index: int, seconds: float) -> bool:
        """Whether a frame that is shown at this time is the one with this index."""
        return abs(seconds - self._when[index]) < 0.5 * self._unit + 1e-9 * abs(seconds)
