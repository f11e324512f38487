"""Readers of annotations, one file per layout, and the data set that turns them into clips."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from videomamba.data.annotations import Annotations
from videomamba.data.datasets.ava import read_ava
from videomamba.data.datasets.breakfast import read_breakfast
from videomamba.data.datasets.folder import read_images
from videomamba.data.datasets.hmdb51 import read_hmdb51, read_jhmdb
from videomamba.data.datasets.kinetics import read_kinetics
from videomamba.data.datasets.mstcn import read_mstcn
from videomamba.data.datasets.ssv2 import read_ssv2
from videomamba.data.datasets.tiny_imagenet import read_tiny_imagenet
from videomamba.errors import FieldError

# published layouts of annotated videos; a reader takes (root, missing_ok=...)
VIDEO_LAYOUTS: dict[str, Callable[..., dict[str, Annotations]]] = {
    "kinetics": read_kinetics,
    "ssv2": read_ssv2,
    "hmdb51": read_hmdb51,
    "jhmdb": read_jhmdb,
    "breakfast": read_breakfast,
    "images": read_images,
    "tiny_imagenet": read_tiny_imagenet,
}

MAY_LACK_VIDEOS = ("kinetics",)  # layouts whose videos disappear from the Internet

# published data sets of action segmentation, in one layout: name -> how many splits
SEGMENTATION_LAYOUTS = {"gtea": 4, "50salads": 5, "breakfast_segmentation": 4}

# name -> reader(root) of a published layout, giving {"train": part, "test": part}; those of several splits take fold=.
# A part has class_names, len and rows(root). Folders of classes and csv files have their own: read_folder, read_csv.
LAYOUTS: dict[str, Callable[..., dict[str, Any]]] = {
    **VIDEO_LAYOUTS,
    "ava": read_ava,
    **dict.fromkeys(SEGMENTATION_LAYOUTS, read_mstcn),
}

OF_FOLDERS = ("folder", "images")  # layouts whose split may come from a csv file

WITH_OPTIONS = ("ava", "tiny_imagenet", *SEGMENTATION_LAYOUTS)  # layouts whose reader takes options of its own

# name -> how many published splits a layout has, where it has more than one
FOLDS: dict[str, int] = {"hmdb51": 3, "jhmdb": 3, **SEGMENTATION_LAYOUTS}


def read_layout(name: str, root: Path, *, fold: int | None = None, **options: Any) -> dict[str, Any]:
    """The training and test part of a published data set.

    Args:
        name: in :data:`LAYOUTS`.
        root: the data set's folder.
        fold: which of the layout's splits, from 1; the first by default.
        options: of the layout's reader.

    Raises:
        UserError: a split that the layout does not have, or what its reader raises.
    """
    check_fold(name, fold)
    return LAYOUTS[name](root, fold=fold or 1, **options) if name in FOLDS else LAYOUTS[name](root, **options)


def check_fold(layout: str, fold: int | None) -> None:
    """Refuses a split that there is not.

    Raises:
        UserError: a split that the layout does not have.
    """
    folds = FOLDS.get(layout, 1)
    if fold is not None and not 1 <= fold <= folds:
        have = f"has splits 1 to {folds}" if folds > 1 else "has one split"
        raise FieldError(f"{{fold}}: data in the layout {layout!r} {have}", fold=fold)
