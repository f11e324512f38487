"""HMDB51 (Kuehne et al., ICCV 2011) and JHMDB, the 21 of its classes that show one person; three official splits."""

from collections import Counter
from pathlib import Path

from videomamba.data.annotations import Annotations
from videomamba.data.datasets.csv import read_csv
from videomamba.data.datasets.present import Stems, checked, first_that_exists, part
from videomamba.data.walk import left_out
from videomamba.errors import UserError
from videomamba.files import read_text
from videomamba.labels import class_names

_PARTS = {"1": "train", "2": "test", "0": None}
_PUBLISHED = {"train": 3570, "test": 1530}
_VIDEO_FOLDERS = (
    "",
    "videos",
    "hmdb51_org",
    "hmdb51",
    "HMDB51",
    "ReCompressed_Videos",
    "JHMDB_video/ReCompressed_Videos",
)
_CSV = "clips.csv"


def read_hmdb51(root: str | Path, *, fold: int = 1, missing_ok: bool = False) -> dict[str, Annotations]:
    """One official split: ``testTrainMulti_7030_splits/<class>_test_split<fold>.txt`` and ``<class>/*.avi``.

    The split files lie in ``root`` or up to two folders below; the classes' folders in ``root``, ``videos/`` or
    ``hmdb51_org/``. A split file's line is a video's name and 1 (training), 2 (test) or 0 (unused). Videos may have
    been converted: any suffix of a video will do.

    Args:
        root: the data set's folder.
        fold: 1, 2 or 3; 1 by default.
        missing_ok: keep quiet about videos that are not there.

    Raises:
        UserError: no such folder, no split files, a file that is not one, or videos that are missing.
    """
    return _read(Path(root), "hmdb51", fold, missing_ok=missing_ok)


def read_jhmdb(root: str | Path, *, fold: int = 1, missing_ok: bool = False) -> dict[str, Annotations]:
    """JHMDB (Jhuang et al., ICCV 2013) as it is published, or with a ``clips.csv`` of path, label and split.

    As published: ``splits/<class>_test_split<fold>.txt`` and ``ReCompressed_Videos/<class>/*.avi``, also below
    ``JHMDB_video/``. A ``clips.csv`` has one split, such as one that keeps the clips of one film together.

    Args:
        root: the data set's folder.
        fold: 1, 2 or 3 of the published splits; 1 by default.
        missing_ok: keep quiet about videos that are not there.

    Raises:
        UserError: as :func:`read_hmdb51` and :func:`videomamba.data.read_csv`, or another fold than 1 of a csv.
    """
    file = Path(root) / _CSV
    if not file.is_file():
        return _read(Path(root), "jhmdb", fold, missing_ok=missing_ok)
    if fold != 1:
        raise UserError(
            f"{file} has one split; leave out --splits {fold}, or remove the file to use the published ones"
        )
    return read_csv(file, root=root, missing_ok=missing_ok)


def _read(root: Path, name: str, fold: int, *, missing_ok: bool) -> dict[str, Annotations]:
    splits = _split_folder(root, fold)
    names = class_names(name)
    found: dict[str, list[tuple[Path | None, Path, int]]] = {"train": [], "test": []}
    videos = _video_folder(root, names)
    others = Counter[str]()
    for label, action in enumerate(names):
        there = Stems()
        there.add(videos / action)
        others += there.others
        for file, use in _lines(splits / f"{action}_test_split{fold}.txt"):
            if use is not None:
                found[use].append((there.get(Path(file).stem), videos / action / file, label))
    notes, published = left_out(others), _PUBLISHED if name == "hmdb51" else {}
    parts = {use: part(rows, names, published=published.get(use), notes=notes) for use, rows in found.items()}
    return checked(parts, f"{name.upper()} in {root}", missing_ok=missing_ok)


def _split_folder(root: Path, fold: int) -> Path:
    if not root.is_dir():
        raise UserError(f"{root} is not a folder; expected the data set's, with its split files in it")
    for depth in ("", "*/", "*/*/"):
        file = next(iter(sorted(root.glob(f"{depth}*_test_split{fold}.txt"))), None)
        if file is not None:
            return file.parent
    raise UserError(
        f"{root} has no split files of HMDB51 or JHMDB; looked for <class>_test_split{fold}.txt, such as those in "
        "testTrainMulti_7030_splits/, up to two folders below it"
    )


def _video_folder(root: Path, names: tuple[str, ...]) -> Path:
    folder = first_that_exists(root, (f"{below}/{name}".lstrip("/") for below in _VIDEO_FOLDERS for name in names))
    if folder is None:
        raise UserError(
            f"{root} has no folder {names[0]}/ ... {names[-1]}/ of its videos; looked in it and in "
            f"{', '.join(f'{name}/' for name in _VIDEO_FOLDERS[1:])} below it"
        )
    return folder.parent


def _lines(file: Path) -> list[tuple[str, str | None]]:
    """Name and part, ``train`` or ``test`` or None, of a split file's videos; a class without a file has none."""
    if not file.is_file():
        raise UserError(f"{file} is missing; there is one for each class")
    rows, first = [], dict[str, tuple[int, str]]()
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if not line.strip():
            continue
        name, _, use = line.strip().rpartition(" ")
        if use not in _PARTS or not name.strip():
            raise UserError(f"{file}, line {number}: {line.strip()!r:.80} is not a video's name and 0, 1 or 2")
        before = first.setdefault(name.strip(), (number, use))
        if before[1] != use:
            raise UserError(f"{file}, lines {before[0]} and {number}: {name.strip()} is in two parts")
        if before[0] == number:
            rows.append((name.strip(), _PARTS[use]))
    return rows
