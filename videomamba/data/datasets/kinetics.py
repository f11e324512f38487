"""Kinetics (Kay et al., arXiv 1705.06950) as its csv files and the common downloaders leave it."""

from collections.abc import Iterator
from pathlib import Path

from videomamba.data.annotations import Annotations
from videomamba.data.datasets.csv import read_table
from videomamba.data.datasets.present import Stems, checked, first_that_exists, part
from videomamba.data.names import class_name, in_order
from videomamba.errors import UserError
from videomamba.files import read_text
from videomamba.labels import class_names

_NAMES = {"train": ("train",), "test": ("val", "validate", "validation")}  # its own test part has no public labels
_COLUMNS = ("label", "youtube_id", "time_start", "time_end")
_Rows = list[tuple[tuple[str, ...], str, Path]]  # names without suffix that a video may have, label, expected file


def read_kinetics(root: str | Path, *, missing_ok: bool = True) -> dict[str, Annotations]:
    """The official ``train.csv`` and ``val.csv``, or lists of mmaction; the validation part is the test.

    A csv file has columns label, youtube_id, time_start, time_end and lies in ``root`` or ``annotations/``; a list,
    ``kinetics400_train_list_videos.txt``, has lines of a path and a class's index. Videos are anywhere below ``train/``
    and ``val/`` (or ``videos_train/``, ``train_256/``): flat or in folders of classes, as ``<id>_<start>_<end>.mp4``
    with six digits each or as ``<id>.mp4``. Videos disappear from the Internet: missing ones are counted and left out.

    Class names are Kinetics-400's where all labels are among them, else the labels, sorted.

    Args:
        root: the data set's folder.
        missing_ok: False makes a missing video an error.

    Raises:
        UserError: no annotation, a file that is not one, or a part of which no video is there.
    """
    root = Path(root)
    rows = {name: _rows(root, name) for name in _NAMES}
    labels = {label for listed in rows.values() for _, label, _ in listed}
    k400 = class_names("k400")
    names = k400 if labels <= set(k400) else tuple(in_order(labels))
    index = {name: i for i, name in enumerate(names)}
    parts = {}
    for name, listed in rows.items():
        there = Stems()
        for folder in _video_folders(root, name):
            there.add(folder)
        found = [(next(filter(None, map(there.get, may)), None), file, index[label]) for may, label, file in listed]
        parts[name] = part(found, names, published=len(found), notes=there.notes)
    return checked(parts, f"Kinetics in {root}", missing_ok=missing_ok)


def _video_folders(root: Path, part_name: str) -> list[Path]:
    names = _NAMES[part_name]
    wanted = {f"{before}{name}{after}" for name in names for before in ("", "videos_") for after in ("", "_256")}
    return sorted(p for p in [*root.glob("*"), *root.glob("*/*")] if p.name in wanted and p.is_dir())


def _rows(root: Path, part_name: str) -> _Rows:
    names = _NAMES[part_name]
    prefixes = [f"{folder}{before}" for folder in ("", "annotations/") for before in ("", "kinetics400_", "kinetics_")]
    tables = [f"{prefix}{name}.csv" for prefix in prefixes for name in names]
    lists = [f"{folder}kinetics400_{name}_list_videos.txt" for folder in ("", "annotations/") for name in names]
    if (file := first_that_exists(root, tables)) is not None:
        return list(_of_csv(file, root / names[0]))
    if (file := first_that_exists(root, lists)) is not None:
        return list(_of_list(file, root / f"videos_{names[0]}"))
    raise UserError(
        f"{root} has no annotation of Kinetics' {names[0]} part; looked for {names[0]}.csv, annotations/{names[0]}.csv "
        f"and kinetics400_{names[0]}_list_videos.txt"
    )


def _of_csv(file: Path, folder: Path) -> Iterator[tuple[tuple[str, ...], str, Path]]:
    for row in read_table(file, _COLUMNS):
        try:
            start, end = (round(float(row.fields[name])) for name in ("time_start", "time_end"))
        except (ValueError, OverflowError):
            raise UserError(f"{file}, line {row.line}: time_start and time_end are not numbers of seconds") from None
        label, video = class_name(row.fields["label"]), row.fields["youtube_id"]
        if not label or not video:
            raise UserError(f"{file}, line {row.line}: no {'youtube_id' if label else 'label'}")
        name = f"{video}_{start:06d}_{end:06d}"
        yield (name, video), label, folder / label / f"{name}.mp4"


def _of_list(file: Path, folder: Path) -> Iterator[tuple[tuple[str, ...], str, Path]]:
    names = class_names("k400")
    for number, line in enumerate(map(str.strip, read_text(file).split("\n")), start=1):
        if not line:
            continue
        path, _, index = line.rpartition(" ")
        if not path.strip() or not (index.isdecimal() and len(index) < 10 and int(index) < len(names)):
            raise UserError(f"{file}, line {number}: {line!r:.80} is not a path and a class's index below {len(names)}")
        yield (Path(path.strip()).stem,), names[int(index)], folder / path.strip()
