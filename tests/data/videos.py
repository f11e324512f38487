"""Videos made for tests: each frame says which one it is."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.bitstream import BitStreamFilterContext


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


def set_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Writes a display matrix of ones and zeros into an mp4's video track."""
    data = path.read_bytes()
    place = data.index(_matrix(1, 0, 0, 1), data.index(b"tkhd"))
    path.write_bytes(data[:place] + _matrix(a, b, c, d) + data[place + 36 :])


def _matrix(a: int, b: int, c: int, d: int) -> bytes:
    return np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()


def write_with_cover(path: Path, frames: np.ndarray) -> Path:
    """A film behind a track of one picture, which comes first."""
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=25)
        cover.width = cover.height = 96
        cover.pix_fmt = "yuvj420p"
        film = container.add_stream("libx264", rate=25)
        film.height, film.width = frames.shape[1:3]
        film.pix_fmt = "yuv420p"
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.full((96, 96, 3), 200, np.uint8), format="rgb24")))
        container.mux(cover.encode())
        for picture in frames:
            container.mux(film.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(film.encode())
    return path


def write_music(path: Path) -> Path:
    """Sound and a cover picture, which mp4 marks as one and Matroska does not."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16000, layout="mono")
        cover = container.add_stream("mjpeg", rate=25)
        cover.width = cover.height = 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 99, np.uint8), format="rgb24")))
        container.mux(cover.encode())
        for start in range(0, 16000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def shift(source: Path, target: Path, milliseconds: int) -> Path:
    """The same transport stream with a later clock."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        stream = read.streams.video[0]
        copy = written.add_stream_from_template(stream)
        for packet in read.demux(stream):
            if packet.dts is not None:
                packet.pts += milliseconds * 90
                packet.dts += milliseconds * 90
                packet.stream = copy
                written.mux(packet)
    return target


def set_tags(source: Path, target: Path, **tags: int | str) -> Path:
    """The same h264 video with other tags, such as ``matrix_coefficients=10``."""
    how = ":".join(f"{name}={value}" for name, value in tags.items())
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        stream = read.streams.video[0]
        copy = written.add_stream_from_template(stream)
        change = BitStreamFilterContext(f"h264_metadata={how}", stream, copy)
        for packet in read.demux(stream):
            for changed in change.filter(packet if packet.size else None):
                changed.stream = copy
                written.mux(changed)
    return target


def forget_rate(path: Path) -> None:
    """Takes DefaultDuration and Duration out of a webm's header, as browsers leave them out."""
    data = bytearray(path.read_bytes())
    for key in (b"\x23\xe3\x83", b"\x44\x89"):
        place = data.find(key)
        length = len(key) + 1 + (data[place + len(key)] & 127)
        data[place : place + length] = bytes([0xEC, 0x80 | length - 2]) + bytes(length - 2)  # Void
    path.write_bytes(data)


def write_divx(
    path: Path, frames: np.ndarray, *, fps: int = 25, empty: tuple[int, ...] = (), packed: bool = True
) -> Path:
    """MPEG-4 as DivX packs it: each B-frame in one packet with the frame after it, then a packet without a picture.

    ``empty`` are places of further packets that show nothing, as editors of AVI put them in.
    """
    options = {"bf": "1" if packed else "0", "b_strategy": "0", "g": "12"}
    plain = write(path.with_suffix(".plain.avi"), frames, codec="mpeg4", fps=fps, options=options)
    with av.open(str(plain)) as read, av.open(str(path), "w") as written:
        stream = read.streams.video[0]
        copy = written.add_stream_from_template(stream)
        for number, data in enumerate(_divx_packets([bytes(p) for p in read.demux(stream) if p.size], empty, packed)):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.pts, packet.dts = copy, Fraction(1, fps), number, number
            packet.is_keyframe = number == 0
            written.mux(packet)
    plain.unlink()
    return path


def _divx_packets(packets: list[bytes], empty: tuple[int, ...], packed: bool) -> list[bytes]:
    vop, nothing = b"\0\0\1\xb6", bytes.fromhex("000001b6540a9fff")
    result: list[bytes] = []
    for data in packets:
        is_b = data[data.index(vop) + 4] >> 6 == 2
        result[-1:] = [result[-1] + data, nothing] if is_b and packed else [*result[-1:], data]
    place = result[0].index(vop)
    mark = b"\0\0\1\xb2DivX503b1393" + (b"p" if packed else b"")
    result[0] = result[0][:place] + mark + result[0][place:]
    for at in empty:
        result.insert(at, b"\x7f")
    return result
