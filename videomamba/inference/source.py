"""Sources: an iterable of single videos, and each video as a file, a stream of frames or a model's input."""

import contextlib
import glob
import http.client
import tempfile
import urllib.request
import warnings
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO, IOBase
from pathlib import Path

import torch
from torch import Tensor

from videomamba.data import VideoError, eval_transform, load_clip, make_sampler
from videomamba.data.annotations import search_videos
from videomamba.data.errors import reason
from videomamba.data.frame_folder import PICTURES
from videomamba.data.model_clip import joined_views
from videomamba.data.stream import VideoStream, is_once
from videomamba.data.walk import left_out
from videomamba.errors import UserError
from videomamba.inference.paths import LISTS, read_list
from videomamba.notes import UserNote
from videomamba.preprocessing import Preprocessing

Source = str | Path | bytes | IOBase | Tensor
Inside = Callable[[Path], Iterable[Path]]
_PIECE = 1 << 20  # bytes that are copied at a time
_TIMEOUT = 30.0  # seconds to wait for a server


def videos_in(folder: Path) -> Iterator[Path]:
    """The videos in a folder and below; a :class:`videomamba.notes.UserNote` counts the other files.

    Raises:
        VideoError: there is none.
    """
    found = search_videos([folder])
    for note in left_out(found.others, folder):
        warnings.warn(UserNote(note), stacklevel=2)
    yield from found.videos


def videos_or_pictures_in(folder: Path) -> Iterator[Path]:
    """:func:`videos_in`, or the folder itself if it holds pictures and no video: the frames of one.

    Raises:
        VideoError: there is neither.
    """
    try:
        yield from videos_in(folder)
    except VideoError:
        if not any(file.suffix.lower() in PICTURES for file in folder.iterdir()):
            raise
        yield folder


def single_sources(source: Source | Iterable[Source], *, inside: Inside = videos_in) -> Iterator[Source]:
    """Each video of a source.

    A text or path is a video file, a folder to search for videos, a pattern such as ``clips/**/*.mp4``, or a list of
    videos and folders (.txt, .csv, .parquet), see :func:`videomamba.inference.paths.read_list`. ``-`` (standard input),
    a URL, ``camera:0``, bytes, file objects and tensors are one video each. Nothing but lists is opened.

    Args:
        source: one, or several.
        inside: what a folder stands for.

    Raises:
        VideoError: a folder that holds no video, a pattern that nothing matches.
        UserError: a list that cannot be read, or is empty.
    """
    if isinstance(source, str | Path):
        yield from _named(source, inside)
    elif isinstance(source, bytes | Tensor | IOBase):
        yield source
    else:
        for item in source:
            yield from single_sources(item, inside=inside)


def named_sources(names: Iterable[str | Path], *, inside: Inside = videos_in) -> list[str | Path]:
    """The videos that several names stand for, in their order, each once; see :func:`single_sources`."""
    return list(dict.fromkeys(video for name in names for video in _named(name, inside)))


def _named(source: str | Path, inside: Inside) -> Iterator[str | Path]:
    path = Path(source)
    if is_once(source):
        yield source
    elif path.suffix.lower() in LISTS and not path.is_dir():
        for item in read_list(path):  # a name in a list is no pattern, and no list: it might be this one
            yield from [item] if isinstance(item, str) or not item.is_dir() else inside(item)
    elif glob.has_magic(str(source)) and not path.exists():
        matches = sorted(glob.glob(str(source), recursive=True))
        if not matches:
            raise VideoError(f"{source} matches no file; ** searches folders below")
        for match in matches:
            yield from _named(Path(match), inside)
    else:
        yield from inside(path) if path.is_dir() else [path]


def one_source(source: Source | Iterable[Source]) -> Source:
    """The only video of a source.

    Raises:
        UserError: it has several.
        VideoError: it has none.
    """
    found = list(single_sources(source))
    if len(found) != 1:
        raise UserError(f"{source} has {len(found)} videos; give one")
    return found[0]


def name_of(source: Source) -> str:
    """What messages call a source: its path, or what it is."""
    if isinstance(source, str | Path):
        return str(source)
    if isinstance(source, bytes):
        return f"<{len(source)} bytes>"
    if isinstance(source, Tensor):
        return f"<tensor of shape {tuple(source.shape)}>"
    return str(getattr(source, "name", "<file object>"))


def file_stem(source: Source) -> str:
    """A name for the files of a source: a file's own, or what is left of an address without signs.

    Raises:
        UserError: nothing is left.
    """
    if isinstance(source, str | Path) and not is_once(source):
        return Path(source).stem
    if source == "-":
        return "stdin"
    kept = "".join(c if c.isalnum() else "-" for c in name_of(source).split("?")[0])
    short = "-".join(part for part in kept.split("-") if part)[-80:]
    if not short:
        raise UserError(f"{name_of(source)} gives no name for files")
    return short


def open_stream(source: Source, *, reconnect: float = 10.0, endless: bool = False) -> VideoStream:
    """One video as a stream of frames.

    Args:
        source: anything but a tensor.
        reconnect, endless: see :class:`videomamba.data.stream.VideoStream`.

    Raises:
        VideoError: it cannot be opened.
        UserError: a tensor.
    """
    if isinstance(source, Tensor):
        raise UserError("a tensor has no times; give a file, a stream, bytes or a file object")
    if isinstance(source, bytes):
        return VideoStream(BytesIO(source), reconnect=reconnect)
    return VideoStream(source, reconnect=reconnect, endless=endless)


@contextlib.contextmanager
def as_file(source: str | Path | bytes | IOBase) -> Iterator[Path]:
    """The source as a file that decoders can seek in.

    Bytes, file objects and what an http(s) URL gives are copied to a temporary file.

    Raises:
        VideoError: the server gives nothing.
        UserError: a pipe, a camera, or a stream without a length.
    """
    if isinstance(source, str | Path) and not is_once(source):
        yield Path(source)
        return
    with tempfile.NamedTemporaryFile(prefix="videomamba-", suffix=".video") as file:
        if isinstance(source, bytes):
            file.write(source)
        elif isinstance(source, str | Path):
            for piece in _downloaded(str(source)):
                file.write(piece)
        else:
            for piece in iter(lambda: source.read(_PIECE), b""):
                file.write(piece)
        file.flush()
        yield Path(file.name)


def _downloaded(url: str) -> Iterator[bytes]:
    """What a server gives, if that has an end."""
    no_length = UserError(
        f"{url} has no length, and this needs a whole video: `videomamba timeline`, `features` and `live` take it, or "
        "save it to a file"
    )
    if not url.lower().startswith(("http://", "https://")):
        raise no_length
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            if answer.length is None:
                raise no_length
            missing = answer.length
            while piece := answer.read(_PIECE):
                missing -= len(piece)
                yield piece
    except UserError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:  # the latter two of odd addresses and answers
        raise VideoError(f"{url} cannot be downloaded: {reason(error)}") from error
    if missing:
        raise VideoError(f"{url} cannot be downloaded: the connection ended {missing} bytes early")


def model_input(source: Source, preprocessing: Preprocessing, *, num_clips: int = 1) -> Tensor:
    """The views (V, 3, T, H, W) float32 of one video.

    A tensor is either all frames of a video, (T, 3, H, W) uint8, or an input that is ready: (3, T, H, W) or
    (V, 3, T, H, W), floating point.

    Raises:
        VideoError: the file cannot be read.
        UserError: a tensor of another shape or dtype.
    """
    if not isinstance(source, Tensor):
        with as_file(source) as path:
            return _with_views(load_clip(path, preprocessing, num_clips=num_clips).video)
    if source.dtype == torch.uint8 and source.dim() == 4 and source.shape[1] == 3 and len(source):
        clips = make_sampler(preprocessing).clips(len(source), num_clips)
        transform = eval_transform(preprocessing)
        return _with_views(joined_views([transform(source[clip]) for clip in clips]))
    if source.is_floating_point() and source.dim() in (4, 5) and source.shape[-4] == 3 and source.numel():
        return _with_views(source.float())
    raise UserError(
        f"a tensor of {source.dtype} and shape {tuple(source.shape)}; give frames (T, 3, H, W) uint8, or prepared "
        "clips (3, T, H, W) or (V, 3, T, H, W) floating point"
    )


def _with_views(video: Tensor) -> Tensor:
    return video[None] if video.dim() == 4 else video
