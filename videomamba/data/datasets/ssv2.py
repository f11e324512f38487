"""Something-Something V2 (Goyal et al., ICCV 2017): 174 classes, 168 913 training and 24 777 validation videos."""

from pathlib import Path
from typing import Any

from videomamba.data.annotations import Annotations
from videomamba.data.datasets.present import Stems, checked, first_that_exists, part
from videomamba.errors import UserError
from videomamba.files import read_json
from videomamba.labels import class_names

_PREFIX = "something-something-v2-"
_LABEL_FOLDERS = ("", "labels/", "annotations/")
_VIDEO_FOLDERS = ("20bn-something-something-v2", "videos", "")


def read_ssv2(root: str | Path, *, missing_ok: bool = False) -> dict[str, Annotations]:
    """Its json files and ``20bn-something-something-v2/<id>.webm``; the validation part is the test.

    The files are ``something-something-v2-{train,validation,labels}.json``, or as they are named since 2022,
    ``labels/{train,validation,labels}.json``. A video's class is its template without brackets, the class's index what
    the labels file says; without that file, the list that comes with the package. Videos may have been converted: any
    suffix of a video will do.

    Args:
        root: the data set's folder.
        missing_ok: keep quiet about videos that are not there.

    Raises:
        UserError: a file that is missing or not what it should be, a template that is no class, or missing videos.
    """
    root = Path(root)
    labels = _label_index(root)
    folder = first_that_exists(root, _VIDEO_FOLDERS) or root
    there = Stems()
    there.add(folder)
    if not there.videos:
        held = "".join(f"; {line}" for line in there.notes)
        raise UserError(
            f"{root} has no videos of Something-Something V2; looked for 20bn-something-something-v2/<id>.webm, "
            f"videos/<id>.webm and <id>.webm{held}"
        )
    parts = {}
    for name, published in (("train", "train"), ("test", "validation")):
        file = _annotation_file(root, published)
        assert file is not None
        rows = []
        for row in _json(file, list):
            video, label = _row(row, file, labels)
            rows.append((there.get(video), folder / f"{video}.webm", label))
        parts[name] = part(rows, sorted(labels, key=labels.__getitem__), notes=there.notes)
    return checked(parts, f"Something-Something V2 in {root}", missing_ok=missing_ok)


def _annotation_file(root: Path, name: str, *, needed: bool = True) -> Path | None:
    names = [f"{folder}{prefix}{name}.json" for folder in _LABEL_FOLDERS for prefix in (_PREFIX, "")]
    file = first_that_exists(root, names)
    if file is None and needed:
        raise UserError(f"{root} has no {_PREFIX}{name}.json of Something-Something V2; looked for {', '.join(names)}")
    return file


def _label_index(root: Path) -> dict[str, int]:
    file = _annotation_file(root, "labels", needed=False)
    if file is None:
        return {name: i for i, name in enumerate(class_names("ssv2"))}
    try:
        labels = {str(name): int(index) for name, index in _json(file, dict).items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{file} does not map each class to its index: {error}") from error
    if sorted(labels.values()) != list(range(len(labels))):
        raise UserError(f"{file}: the indices of its {len(labels)} classes are not 0 to {len(labels) - 1}")
    return labels


def _row(row: Any, file: Path, labels: dict[str, int]) -> tuple[str, int]:
    if not isinstance(row, dict) or "id" not in row or "template" not in row:
        raise UserError(f"{file}: {str(row)[:80]} has no id and template; expected a list of annotated videos")
    name = str(row["template"]).replace("[", "").replace("]", "")
    if name not in labels:
        raise UserError(
            f"{file}: the template {name!r:.80} of video {row['id']!s:.80} is not one of the {len(labels)} known"
        )
    return str(row["id"]), labels[name]


def _json(file: Path, kind: type) -> Any:
    value = read_json(file)
    if not isinstance(value, kind):
        raise UserError(f"{file} holds a {type(value).__name__}; expected a {kind.__name__}")
    return value
