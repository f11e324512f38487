"""Where annotations come from, one file a layout, and the data set that turns them into clips."""

from collections.abc import Callable
from typing import Any

from videomamba.data.datasets.ava import read_ava

# name -> reader(root, fold=...) of a published layout, giving {"train": part, "test": part}; a part has class_names,
# len and rows(root). Folders of classes and csv files have readers of their own: read_folder, read_csv.
LAYOUTS: dict[str, Callable[..., dict[str, Any]]] = {"ava": read_ava}
