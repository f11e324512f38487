"""The checkpoints that Vim and OpenGVLab's VideoMamba published, by name: the table in ``published.csv``.

A name is the file's without its suffix. What the files do not say themselves is added here, from the code that made
them: how clips are taken from a video and tested, and in which order the classes are. Both code bases use ImageNet's
mean and standard deviation.
"""

import csv
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from videomamba.errors import UserError
from videomamba.labels import class_names
from videomamba.models.config import VideoMambaConfig
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.preprocessing import Preprocessing, Sampling

DEFAULT = "videomamba_s16_k400_f16_res224"  # of `videomamba predict` without a checkpoint

_TITLES = {
    "imagenet1k": "ImageNet-1K",
    "k400": "Kinetics-400",
    "ssv2": "Something-Something V2",
    "breakfast": "Breakfast",
    "coin": "COIN",
}
_CLASSES = {"imagenet1k": 1000, "k400": 400, "ssv2": 174, "breakfast": 10, "coin": 180}
# in the order of ViS4mer's lists (md-mohaiminul/ViS4mer, data/Breakfast), which OpenGVLab's code reads
_BREAKFAST = (
    "cereals",
    "coffee",
    "tea",
    "pancake",
    "friedegg",
    "scrambledegg",
    "sandwich",
    "juice",
    "milk",
    "salat",
)
_SSV2_CLIPS = 2  # in OpenGVLab's scripts; its table says 4
_IMAGE_CROP = 0.875  # 224 of 256 pixels


@dataclass(frozen=True)
class Published:
    """One published checkpoint.

    Attributes:
        repository: on the Hub.
        file: in it.
        data: that it was trained on: ``imagenet1k``, ``k400``, ``ssv2``, ``breakfast`` or ``coin``.
        pretraining: before that, in words; empty for none, ``masked`` for a file of masked pretraining without a head.
        frames, size: of the input, size in pixels.
        views: clips and crops of each video in its test.
        top1: published accuracy in percent with these views; None where there is none.
    """

    repository: str
    file: str
    data: str
    pretraining: str
    frames: int
    size: int
    views: tuple[int, int]
    top1: float | None

    @property
    def name(self) -> str:
        return Path(self.file).stem

    @property
    def origin(self) -> Literal["vim", "opengvlab"]:
        """Whose file it is, one of :data:`videomamba.models.weights.readers.READERS`."""
        return "vim" if self.file.startswith("vim_") else "opengvlab"

    @property
    def patch_stride(self) -> int | None:
        """Of overlapping patches, which shapes cannot tell: Vim's fine-tuned files."""
        return 8 if self.origin == "vim" and "_ft_" in self.file else None

    @property
    def title(self) -> str:
        """The data set's name in full."""
        return _TITLES[self.data]

    @property
    def num_classes(self) -> int:
        return 0 if self.pretraining == "masked" else _CLASSES[self.data]

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Of the outputs; None without a head, and for COIN, whose lists have numbers only."""
        if not self.num_classes or self.data == "coin":
            return None
        return _BREAKFAST if self.data == "breakfast" else class_names(self.data)

    @property
    def preprocessing(self) -> Preprocessing:
        """As the code that it comes from tests it.

        Images are resized bicubically, and 224 of 256 pixels are cut out; videos are resized bilinearly until their
        shorter side is that of the model, and three crops are taken along the longer one.
        """
        p = Preprocessing(num_frames=self.frames, size=(self.size, self.size), views=self.views)
        if self.frames == 1:
            return dataclasses.replace(p, crop=_IMAGE_CROP, interpolation="bicubic")
        sampling: Sampling = "ssv2" if self.data == "ssv2" else "sparse"
        return dataclasses.replace(p, sampling=sampling)

    def applied_to(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint that was read from this file, with class names and preprocessing.

        One that has this file's name and other shapes stays as it is, and a note says so.
        """
        config = checkpoint.config
        is_this = isinstance(config, VideoMambaConfig) and (
            (config.num_frames, config.height_width, config.num_classes)
            == (self.frames, (self.size, self.size), self.num_classes)
        )
        if not is_this:
            note = (
                f"{checkpoint.path} has the name of a published checkpoint but another model: expected {self.frames} x "
                f"{self.size} x {self.size} and {self.num_classes} classes"
            )
            return dataclasses.replace(checkpoint, notes=(*checkpoint.notes, note))
        return dataclasses.replace(checkpoint, class_names=self.class_names, preprocessing=self.preprocessing)


@cache
def published_checkpoints() -> Mapping[str, Published]:
    """All of them by name, in the order of their authors' tables."""
    lines = files(__package__).joinpath("published.csv").read_text(encoding="utf-8").splitlines()
    rows = [_row(fields) for fields in csv.DictReader(lines)]
    return {row.name: row for row in rows}


def find_published(data: str | None = None, frames: int | None = None) -> list[Published]:
    """Those of a data set and a number of frames; None for any.

    Raises:
        UserError: there is none; the line has what there is.
    """
    rows = list(published_checkpoints().values())
    for name, wanted in (("data", data), ("frames", frames)):
        there = list(dict.fromkeys(getattr(row, name) for row in rows))
        if wanted is not None and wanted not in there:
            raise UserError(f"no published checkpoint has {name} {wanted}; there are {', '.join(map(str, there))}")
        rows = [row for row in rows if wanted is None or getattr(row, name) == wanted]
    return rows


def _row(fields: Mapping[str, Any]) -> Published:
    clips = int(fields["views"].split("x")[2]) if fields["views"] else 1
    if fields["data"] == "ssv2" and fields["views"]:
        clips = _SSV2_CLIPS
    return Published(
        repository=fields["repository"],
        file=fields["file"],
        data=fields["data"],
        pretraining=fields["pretraining"],
        frames=int(fields["frames"]),
        size=int(fields["size"]),
        views=(clips, 3) if fields["views"] else (1, 1),
        top1=float(fields["top1"]) if fields["top1"] else None,
    )
