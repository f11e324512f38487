"""SyntheticMotions: clips rendered by our own code, told apart by motion alone."""

from videomamba.data.synthetic.files import SyntheticMotions, write_synthetic_motions, write_video
from videomamba.data.synthetic.motions import LEVELS, class_names, render_motion, reversed_class

__all__ = [
    "LEVELS",
    "SyntheticMotions",
    "class_names",
    "render_motion",
    "reversed_class",
    "write_synthetic_motions",
    "write_video",
]
