"""Data rendered by our own code: SyntheticMotions, told apart by motion alone, and SyntheticStills, by looks alone."""

from videomamba.data.synthetic.files import Synthetic, write_synthetic
from videomamba.data.synthetic.motions import LEVELS, SyntheticMotions, class_names, render_motion, reversed_class
from videomamba.data.synthetic.stills import SyntheticStills, render_still
from videomamba.data.video_writer import write_video

__all__ = [
    "LEVELS",
    "Synthetic",
    "SyntheticMotions",
    "SyntheticStills",
    "class_names",
    "render_motion",
    "render_still",
    "reversed_class",
    "write_synthetic",
    "write_video",
]
