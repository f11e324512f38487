"""JHMDB: 21 of HMDB51's actions, 928 short clips of real people; what a small machine can train on."""

from pathlib import Path

from videomamba.engine.config import DataConfig, RunConfig
from videomamba.recipes.folder import small_model


def jhmdb(data: Path | None = None) -> RunConfig:
    """The small model on JHMDB, from scratch, or with ``--start`` from a picture or video model.

    Command: ``videomamba train jhmdb DIR``; ``--splits all`` trains on the three published splits and reports the mean.
    Layout: as published, ``<class>/*.avi`` and ``splits/``; HMDB51's own folder, of which the 21 classes are used; or a
    folder with a ``clips.csv`` of path, label and split (docs/datasets.md). Frames of 64 x 80 pixels are taken
    evenly from the whole clip.
    """
    return small_model("jhmdb", DataConfig(root=data or Path("data/jhmdb"), layout="jhmdb", size=(64, 80)))
