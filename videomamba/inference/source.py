"""Sources: an iterable of single videos, and each video as a model's input."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from io import IOBase
from pathlib import Path

import torch
from torch import Tensor

from videomamba.data import eval_transform, find_videos, load_clip, make_sampler
from videomamba.data.model_clip import joined_views
from videomamba.errors import UserError
from videomamba.preprocessing import Preprocessing

Source = str | Path | bytes | IOBase | Tensor


def single_sources(source: Source | Iterable[Source]) -> Iterator[Source]:
    """Each video of a source: a folder's videos, the items of an iterable, or the one that it is.

    Raises:
        VideoError: a folder that holds no video.
    """
    if isinstance(source, str | Path):
        yield from find_videos([source])
    elif isinstance(source, bytes | Tensor | IOBase):
        yield source
    else:
        for item in source:
            yield from single_sources(item)


def name_of(source: Source) -> str:
    """What messages call a source: its path, or what it is."""
    if isinstance(source, str | Path):
        return str(source)
    if isinstance(source, bytes):
        return f"<{len(source)} bytes>"
    if isinstance(source, Tensor):
        return f"<tensor of shape {tuple(source.shape)}>"
    return str(getattr(source, "name", "<file object>"))


@contextlib.contextmanager
def as_file(source: str | Path | bytes | IOBase) -> Iterator[Path]:
    """The source as a file that decoders can seek in; bytes and file objects are copied to a temporary one."""
    if isinstance(source, str | Path):
        yield Path(source)
        return
    with tempfile.NamedTemporaryFile(prefix="videomamba-", suffix=".video") as file:
        for piece in [source] if isinstance(source, bytes) else iter(lambda: source.read(1 << 20), b""):
            file.write(piece)
        file.flush()
        yield Path(file.name)


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
