"""Where annotations come from, one file a layout, and the data set that turns them into clips."""

from collections.abc import Callable
from typing import Any

from videomamba.data.annotations import Annotations
from videomamba.data.datasets.ava import read_ava
from videomamba.data.datasets.breakfast import read_breakfast
from videomamba.data.datasets.hmdb51 import read_hmdb51
from videomamba.data.datasets.kinetics import read_kinetics
from videomamba.data.datasets.mstcn import read_mstcn
from videomamba.data.datasets.ssv2 import read_ssv2

# published layouts of annotated videos; a reader takes (root, fold=..., missing_ok=...)
VIDEO_LAYOUTS: dict[str, Callable[..., dict[str, Annotations]]] = {
    "kinetics": read_kinetics,
    "ssv2": read_ssv2,
    "hmdb51": read_hmdb51,
    "breakfast": read_breakfast,
}

MAY_LACK_VIDEOS = ("kinetics",)  # layouts whose videos vanish from the Internet

# published data sets of action segmentation, in one layout: name -> how many splits
SEGMENTATION_LAYOUTS = {"gtea": 4, "50salads": 5, "breakfast_segmentation": 4}

# name -> reader(root, fold=...) of a published layout, giving {"train": part, "test": part}; a part has class_names,
# len and rows(root). Folders of classes and csv files have readers of their own: read_folder, read_csv.
LAYOUTS: dict[str, Callable[..., dict[str, Any]]] = {
    **VIDEO_LAYOUTS,
    "ava": read_ava,
    **dict.fromkeys(SEGMENTATION_LAYOUTS, read_mstcn),
}

WITH_OPTIONS = ("ava", *SEGMENTATION_LAYOUTS)  # layouts whose reader takes options of its own

# name -> how many published splits a layout has, where it has more than one
FOLDS: dict[str, int] = {"hmdb51": 3, **SEGMENTATION_LAYOUTS}
