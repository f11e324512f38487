"""GTEA, 50Salads and Breakfast as MS-TCN's authors share them: features, frame labels, splits.

A folder has ``mapping.txt`` (``0 take``: number and name of each class), ``groundTruth/NAME.txt`` (a label per frame,
one per line), ``features/NAME.npy`` ((C, T) float) and ``splits/{train,test}.splitK.bundle`` (one ground truth file per
line). Features that were learnt on a split's training videos lie in ``features_splitK/`` instead. Your own data may
have the same form.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videomamba.data.annotations import relative
from videomamba.data.datasets.mstcn_labels import few, read_labels
from videomamba.data.errors import VideoError, reason
from videomamba.data.names import class_name, located
from videomamba.data.splits import Part
from videomamba.errors import UserError
from videomamba.files import read_text


@dataclass(frozen=True)
class FeatureRecord:
    """A video as features, and the class of each frame.

    Attributes:
        name: of the video.
        path: of the features, (C, T).
        labels: (T,) int64.
    """

    name: str
    path: Path
    labels: np.ndarray


@dataclass(frozen=True)
class FeatureAnnotations(Part):
    """Videos of one part of a split.

    Attributes:
        records: the videos.
        class_names: of the labels, in order.
        channels: C of all features.
        notes: what people should know.
    """

    records: tuple[FeatureRecord, ...]
    class_names: tuple[str, ...]
    channels: int
    notes: tuple[str, ...] = ()

    def rows(self, root: Path) -> list[dict[str, str]]:
        """Name and features of each video."""
        return [{"name": r.name, "path": relative(r.path, root)} for r in self.records]

    @property
    def model_options(self) -> dict[str, Any]:
        """Fields of a model's configuration that these data decide."""
        return {"input_dim": self.channels}


def read_mstcn(
    root: str | Path, *, fold: int | None = None, features: str | None = None, **unknown: str
) -> dict[str, FeatureAnnotations]:
    """One split in MS-TCN's layout.

    Where features and labels differ by a few frames (32, or 2 %) the surplus is left out, and a note says so.

    Args:
        root: the data set's folder.
        fold: which split, from 1; the first by default.
        features: name of the features' folder; by default ``features_splitK`` where it is there, else ``features``.

    Raises:
        UserError: a folder or file that is missing or is not what it should be, a label without a class, features and
            labels of other lengths, features that differ in their channels, or an unknown option.
    """
    if unknown:
        raise UserError(f"unknown option {', '.join(sorted(unknown))} of features in MS-TCN's layout; it has features")
    root, fold = Path(root), fold or 1
    names = _class_names(root)
    folder = _feature_folder(root, fold, features)
    parts = {part: _part(root, folder, part, fold, names) for part in ("train", "test")}
    if parts["train"].channels != parts["test"].channels:
        raise UserError(
            f"{folder}: training features have {parts['train'].channels} channels, test features "
            f"{parts['test'].channels}"
        )
    both = {r.name for r in parts["train"].records} & {r.name for r in parts["test"].records}
    if both:
        raise UserError(f"{root}: split {fold} has {min(both)} in its training and its test part")
    return parts


def load_features(path: Path) -> np.ndarray:
    """(C, T) float32 of an .npy file.

    Raises:
        VideoError: not readable, not (C, T), or not finite.
    """
    array = np.array(_open(path), dtype=np.float32)
    if not np.isfinite(array).all():
        raise VideoError(f"{path} holds features that are NaN or infinite")
    return array


def _class_names(root: Path) -> tuple[str, ...]:
    file = root / "mapping.txt"
    if not file.is_file():
        inside = sorted(str(p.parent) for p in root.glob("*/mapping.txt"))
        hint = f"; did you mean {' or '.join(inside)}?" if inside else ""
        raise UserError(
            f"{root} is not in MS-TCN's layout: there is no mapping.txt beside features/, groundTruth/, splits/{hint}"
        )
    rows = [line.split(maxsplit=1) for line in read_text(file).split("\n") if line.strip()]
    if any(len(row) != 2 or row[0] != str(i) for i, row in enumerate(rows)) or len(rows) < 2:
        raise UserError(f"{file} is not a list of classes: expected lines '0 NAME', '1 NAME' and so on")
    names = tuple(class_name(name) for _, name in rows)
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise UserError(f"{file} has the class {twice!r:.80} twice")
    return names


def _feature_folder(root: Path, fold: int, name: str | None) -> Path:
    tried = [name] if name is not None else [f"features_split{fold}", "features"]
    folder = next((root / one for one in tried if (root / one).is_dir()), None)
    if folder is None:
        raise UserError(f"{root} has no folder of features; looked for {' and '.join(f'{one}/' for one in tried)}")
    return folder


def _part(root: Path, folder: Path, part: str, fold: int, names: tuple[str, ...]) -> FeatureAnnotations:
    bundle = root / "splits" / f"{part}.split{fold}.bundle"
    if not bundle.is_file():
        there = sorted(path.name for path in bundle.parent.glob("*.bundle"))
        raise UserError(f"there is no {bundle}; there are {', '.join(there) if there else 'no such files'}")
    listed = _videos(bundle)
    index = {name: i for i, name in enumerate(names)}
    records, notes, channels = [], [], {}
    for name in listed:
        record, shape, note = _record(_file(root / "groundTruth", f"{name}.txt"), _file(folder, f"{name}.npy"), index)
        records.append(record)
        notes += note
        channels[shape] = record.path
    if len(channels) > 1:
        (a, first), (b, second) = list(channels.items())[:2]
        raise UserError(f"{first} has {a} channels, {second} has {b}; all features must be alike")
    return FeatureAnnotations(tuple(records), names, next(iter(channels)), tuple(notes))


def _videos(bundle: Path) -> list[str]:
    """Names in a split's file.

    Raises:
        UserError: it names none, or one twice.
    """
    names = [line.strip().removesuffix(".txt") for line in read_text(bundle, names=True).split("\n") if line.strip()]
    if not names:
        raise UserError(f"{bundle} names no video")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"{bundle} names {twice} twice")
    return names


def _file(folder: Path, name: str) -> Path:
    return located(folder, name) or folder / name


def _record(truth: Path, path: Path, index: dict[str, int]) -> tuple[FeatureRecord, int, list[str]]:
    for file in (truth, path):
        if not file.is_file():
            raise UserError(f"{file} is missing, but the split names its video")
    words, (channels, length) = read_labels(truth), _open(path).shape
    unknown = sorted(set(words) - index.keys())
    if unknown:
        raise UserError(f"{truth}: label {unknown[0]!r:.80} is not in mapping.txt")
    lengths = f"{path} has {length} frames, {truth} {len(words)}"
    if not words or not few(length, len(words)):
        swapped = "; is it (T, C)? expected (C, T)" if few(channels, len(words)) else ""
        raise UserError(f"{lengths}: too many to be cut off{swapped}")
    shorter = min(length, len(words))
    labels = np.array([index[word] for word in words[:shorter]], dtype=np.int64)
    note = [] if length == len(words) else [f"{lengths}: used the first {shorter}"]
    return FeatureRecord(truth.stem, path, labels), channels, note


def _open(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            if file.read(6) != b"\x93NUMPY":
                raise VideoError(f"{path} is no .npy file: it does not begin as numpy's files do")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise VideoError(f"{path} is not a readable .npy file of numbers: {reason(error)}") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or not np.issubdtype(array.dtype, np.floating):
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "several arrays"
        raise VideoError(f"{path} holds {got}; expected features, floats of shape (C, T)")
    if not array.size:
        raise VideoError(f"{path} holds no features: its shape is {array.shape}")
    return array
