"""Videos to try, rendered here: nothing is downloaded."""

import os
import shutil
from pathlib import Path

import numpy as np

from videomamba.data.synthetic import class_names, render_motion, write_video
from videomamba.files import whole_folder

_SIZE, _FPS, _FRAMES = 96, 12, 16
_SHORT = ("approach", "open", "turn_left")
_SEED = 7


def example_videos(folder: Path) -> list[Path]:
    """Copies in a new folder; rendered at the first start, and kept where the user's programs keep such files."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "videomamba" / "examples"
    if not kept.is_dir():
        with whole_folder(kept) as temporary:
            render_examples(temporary)
    shutil.copytree(kept, folder)
    return sorted(folder.glob("*.mp4"))


def render_examples(folder: Path) -> None:
    """Three motions, and a film of 10 seconds with all eight."""
    clips = {name: render_motion(name, seed=_SEED, num_frames=_FRAMES, size=_SIZE) for name in class_names("easy")}
    for name in _SHORT:
        write_video(folder / f"{name}.mp4", clips[name], fps=_FPS)
    write_video(folder / "all_eight.mp4", np.concatenate(list(clips.values())), fps=_FPS)
