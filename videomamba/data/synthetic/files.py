"""What is rendered, as files: h264 videos in one folder per class."""

import contextlib
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from videomamba.data.processes import ended_by_sigterm, process_pool
from videomamba.data.video_writer import write_video
from videomamba.errors import UserError
from videomamba.files import read_json, whole_folder, write_json
from videomamba.machine import cores

_MANIFEST = "manifest.json"
_FEW = 100  # clips, rendered in less time than processes take to start
_SPLITS = ("train", "test")


@dataclass(frozen=True, kw_only=True)
class Synthetic(ABC):
    """What is rendered; two equal settings give equal files.

    Attributes:
        train_per_class, test_per_class: clips.
        seed: of everything; train and test never share a draw.
        size, fps: of each clip; height and width are the same.
    """

    train_per_class: int = 100
    test_per_class: int = 25
    seed: int = 0
    size: int = 64
    fps: int = 12

    @property
    @abstractmethod
    def class_names(self) -> tuple[str, ...]:
        """Sorted.

        Raises:
            UserError: settings that nothing can be rendered to.
        """

    @abstractmethod
    def render(self, name: str, seed: tuple[int, ...]) -> np.ndarray:
        """The clip of a class that a seed stands for, (T, H, W, 3) uint8."""


def write_synthetic(
    root: str | Path,
    settings: Synthetic,
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> Path:
    """Renders train and test clips to ``root/{train,test}/<class>/*.mp4``.

    The folder appears when it is whole; one that is there with the same settings is left as it is.

    Args:
        root: the folder to make.
        settings: what to render.
        progress: called with (clips done, clips in all).
        workers: processes; by default one per core, and none for few clips: starting them takes seconds.

    Returns:
        ``root``.

    Raises:
        UserError: settings that nothing can be rendered to, or ``root`` holds something else.
        OSError: the disk is full or may not be written to.
    """
    root = Path(root)
    _ = settings.class_names  # before anything is written
    if root.exists():
        manifest = root / _MANIFEST
        if manifest.is_file() and read_json(manifest) == asdict(settings):
            return root
        raise UserError(f"{root} exists and holds something else; remove it or name another folder")
    try:
        with ended_by_sigterm(), whole_folder(root) as temporary:
            _render_all(temporary, settings, progress, workers)
            write_json(temporary / _MANIFEST, asdict(settings))
    except BrokenProcessPool as error:
        raise UserError(
            f"{root}: a process that rendered clips was killed, most often because memory ran out: free some and try "
            "again"
        ) from error
    return root


def _render_all(
    root: Path, settings: Synthetic, progress: Callable[[int, int], None] | None, workers: int | None
) -> None:
    jobs = []
    for split, name in ((s, n) for s in _SPLITS for n in settings.class_names):
        (root / split / name).mkdir(parents=True)
        count = settings.train_per_class if split == "train" else settings.test_per_class
        jobs += [(root / split / name / f"{name}_{i:04d}.mp4", split, name, i, settings) for i in range(count)]
    with contextlib.ExitStack() as stack:
        if workers is None and len(jobs) < _FEW:
            rendered: Iterator[None] = map(_render_one, jobs)
        else:  # spawned: threads of torch do not survive a fork
            pool = stack.enter_context(process_pool(workers or cores(), get_context("spawn")))
            with _deaf_to_ctrl_c():
                rendered = pool.map(_render_one, jobs, chunksize=8)
        for done, _ in enumerate(rendered, start=1):
            if progress is not None:
                progress(done, len(jobs))


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started meanwhile ignore Ctrl-C also before they have begun, while they import."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _render_one(job: tuple[Path, str, str, int, Synthetic]) -> None:
    path, split, name, index, settings = job
    seed = (settings.seed, _SPLITS.index(split), settings.class_names.index(name), index)
    write_video(path, settings.render(name, seed), fps=settings.fps)
