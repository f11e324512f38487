"""Mutated videos: small files of every container that FFmpeg writes here, damaged at random by a seed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.data.videos import numbered_frames, write_divx

FRAMES, HEIGHT, WIDTH = 24, 48, 64


@dataclass(frozen=True)
class Kind:
    """A container with a codec, and what of it is written."""

    suffix: str
    codec: str
    pix_fmt: str = "yuv420p"
    size: tuple[int, int] = (HEIGHT, WIDTH)
    options: tuple[tuple[str, str], ...] = ()
    container: str | None = None
    sound: str | None = None


B_FRAMES = (("bf", "2"), ("g", "8"))
KINDS = (
    Kind("mp4", "libx264", options=B_FRAMES, sound="aac"),
    Kind("mp4", "libx265", options=(("x265-params", "log-level=none:keyint=8"),)),
    Kind("mp4", "mpeg4"),
    Kind("mkv", "libx264", options=B_FRAMES),
    Kind("mkv", "ffv1", "yuv444p"),
    Kind("mkv", "mjpeg", "yuvj420p"),
    Kind("webm", "libvpx"),
    Kind("webm", "libvpx-vp9"),
    Kind("avi", "mpeg4", options=B_FRAMES, sound="mp2"),
    Kind("avi", "mjpeg", "yuvj420p"),
    Kind("mov", "libx264", "yuv422p"),
    Kind("mov", "prores_ks", "yuv422p10le"),
    Kind("mov", "png", "rgb24"),
    Kind("ts", "libx264", options=B_FRAMES, container="mpegts", sound="aac"),
    Kind("ts", "mpeg2video", container="mpegts"),
    Kind("mpg", "mpeg1video", container="mpeg", sound="mp2"),
    Kind("vob", "mpeg2video", container="vob"),
    Kind("flv", "flv1"),
    Kind("flv", "libx264", options=B_FRAMES),
    Kind("gif", "gif", "rgb8"),
    Kind("ogv", "libtheora", container="ogg"),
    Kind("3gp", "h263", size=(144, 176), container="3gp"),
    Kind("wmv", "wmv2", container="asf"),
    Kind("m4v", "mpeg4", container="m4v"),
    Kind("mxf", "mpeg2video", container="mxf"),
    Kind("nut", "rawvideo", "yuv420p10le", container="nut"),
)


def write_kind(path: Path, kind: Kind) -> bool:
    """Writes a whole file of this kind; whether FFmpeg can here."""
    height, width = kind.size
    y, x = np.mgrid[:height, :width]
    try:
        with av.open(f"file:{path}", "w", format=kind.container) as container:
            video = container.add_stream(kind.codec, rate=Fraction(25), options=dict(kind.options))
            video.height, video.width, video.pix_fmt = height, width, kind.pix_fmt
            video.codec_context.thread_count = 1
            sound = container.add_stream(kind.sound, rate=48000, layout="mono") if kind.sound else None
            for i in range(FRAMES):
                picture = np.stack([x * 3 + 8 * i, y * 4 + 3 * i, x * y // 8 + i], -1).astype(np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(video.encode())
            if sound is not None:
                for i in range(20):
                    tone = np.sin(np.arange(i * 1152, (i + 1) * 1152) / 9).astype(np.float32)[None]
                    frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                    frame.sample_rate, frame.pts = 48000, i * 1152
                    container.mux(sound.encode(frame))
                container.mux(sound.encode())
    except (av.error.FFmpegError, ValueError, OSError):
        path.unlink(missing_ok=True)
        return False
    return True


def write_sources(folder: Path) -> list[Path]:
    """A whole file of each kind that can be written here."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [(folder / f"{i:02d}_{kind.codec}.{kind.suffix}", kind) for i, kind in enumerate(KINDS)]
    divx = [write_divx(folder / f"divx.{suffix}", numbered_frames(FRAMES), empty=(1, 9)) for suffix in ("avi", "mkv")]
    return [path for path, kind in paths if path.exists() or write_kind(path, kind)] + divx


Mutation = Callable[[bytearray, random.Random], bytearray]


def flip_bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 2, 8, 64, 512))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def cut_front(data: bytearray, chance: random.Random) -> bytearray:
    return data[chance.randrange(len(data)) :]


def _block(data: bytearray, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data))
    return start, min(len(data), start + chance.choice((1, 7, 64, 188, 1000, 8000)))


def delete_block(data: bytearray, chance: random.Random) -> bytearray:
    start, end = _block(data, chance)
    return data[:start] + data[end:]


def repeat_block(data: bytearray, chance: random.Random) -> bytearray:
    start, end = _block(data, chance)
    return data[:end] + data[start:]


def swap_blocks(data: bytearray, chance: random.Random) -> bytearray:
    (a, b), (c, d) = sorted((_block(data, chance), _block(data, chance)))
    if b > c:
        return data
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def blank_block(data: bytearray, chance: random.Random) -> bytearray:
    start, end = _block(data, chance)
    data[start:end] = bytes([chance.choice((0, 255))]) * (end - start)
    return data


def randomise_block(data: bytearray, chance: random.Random) -> bytearray:
    start, end = _block(data, chance)
    data[start:end] = chance.randbytes(end - start)
    return data


def edit_header(data: bytearray, chance: random.Random) -> bytearray:
    """Numbers in the first or last kilobyte become extreme ones: sizes, rates, durations, counts."""
    for _ in range(chance.choice((1, 2, 4))):
        place = chance.randrange(min(len(data), 1024))
        if chance.random() < 0.5:
            place = len(data) - 1 - place
        values = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0", b"\x80\0\0\0")
        value = chance.choice(values)[: chance.choice((1, 2, 4))]
        data[place : place + len(value)] = value
    return data


def append_itself(data: bytearray, chance: random.Random) -> bytearray:
    return data + data[chance.choice((0, chance.randrange(len(data)))) :]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    cut,
    cut_front,
    delete_block,
    repeat_block,
    swap_blocks,
    blank_block,
    randomise_block,
    edit_header,
    append_itself,
)


def mutated(sources: list[bytes], seed: int, number: int) -> tuple[int, str, bytes]:
    """The ``number``-th damaged file of a seed: which source, by what, and its bytes."""
    chance = random.Random(f"{seed}/{number}")
    source = number % len(sources)
    data, names = bytearray(sources[source]), []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        mutation = chance.choice(MUTATIONS)
        data = mutation(data, chance) or bytearray(b"\0")
        names.append(mutation.__name__)
    return source, "+".join(names), bytes(data)
