"""Videos made for tests: each frame says which one it is."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def numbered_frames(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """(T, H, W, 3) uint8: frame i is grey, 5 i bright in the left half and 255 - 5 i in the right, so order shows."""
    assert count <= 51
    frames = np.empty((count, height, width, 3), np.uint8)
    for i in range(count):
        frames[i, :, : width // 2] = 5 * i
        frames[i, :, width // 2 :] = 255 - 5 * i
    return frames


def number_of(frame: np.ndarray) -> int:
    """Which of ``numbered_frames`` a decoded (3, H, W) or (H, W, 3) frame is; compression moves grey a little."""
    frame = np.asarray(frame)
    left = frame[:, :, : frame.shape[2] // 2] if frame.shape[0] == 3 else frame[:, : frame.shape[1] // 2]
    return round(float(left.mean()) / 5)


def write(
    path: Path,
    frames: np.ndarray,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    fps: int = 25,
    pts: list[int] | None = None,
    options: dict[str, str] | None = None,
    title: str = "",
    rotation: int | None = None,
) -> Path:
    """Encodes frames; ``pts`` in units of 1/1000 s make a variable rate."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=Fraction(fps), options=options or {})
        stream.bit_rate = 8_000_000
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if pts is not None:
                frame.pts, frame.time_base = pts[i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if rotation is not None:
        rotate_header(path, rotation)
    return path


def rotate_header(path: Path, degrees: int) -> None:
    """Writes a rotation into the display matrix of an mp4's video track, as telephones do."""
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one = 1 << 16
    matrix = np.array([cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30], ">i4").tobytes()
    identity = np.array([one, 0, 0, 0, one, 0, 0, 0, 1 << 30], ">i4").tobytes()
    data = path.read_bytes()
    track = data.index(b"tkhd")
    place = data.index(identity, track)
    path.write_bytes(data[:place] + matrix + data[place + len(identity) :])


def write_audio(path: Path) -> Path:
    """An mp4 with sound and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for start in range(0, 16000, 1024):
            samples = np.sin(np.arange(start, start + 1024) / 9).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
