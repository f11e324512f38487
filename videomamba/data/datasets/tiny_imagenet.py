"""Tiny ImageNet (Stanford CS231N): pictures of 64 x 64 pixels, of 200 classes of ImageNet or some of these."""

from pathlib import Path

from videomamba.data.annotations import Annotations, VideoRecord, label_index
from videomamba.data.datasets.csv import read_table
from videomamba.data.datasets.present import checked, part
from videomamba.data.names import PICTURES, class_name
from videomamba.data.walk import folders, search
from videomamba.errors import UserError
from videomamba.files import read_text

_LABELS = "labels.csv"  # path, name, split
_VAL = "val_annotations.txt"  # in val/: picture, class, box
_WORDS = "words.txt"  # class and what it is called


def read_tiny_imagenet(
    root: str | Path, *, labels: str | Path | None = None, missing_ok: bool = False
) -> dict[str, Annotations]:
    """``train/<wnid>/images/*.JPEG`` and ``val/`` as published, or a ``labels.csv`` with the columns path, name, split.

    The part ``val`` is the test part; the published ``test/`` has no labels.

    Args:
        root: the data set's folder, or one that holds nothing but this folder.
        labels: the csv file; by default ``labels.csv`` in ``root``, where it is there.
        missing_ok: keep quiet about pictures that are not there.

    Returns:
        ``{"train": ..., "test": ...}``.

    Raises:
        UserError: no such folder, or neither of these layouts in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root} is not a folder; expected Tiny ImageNet's, with train/ and val/ in it")
    file = root / _LABELS if labels is None else Path(labels)
    if file.is_file():
        return checked(_from_csv(file, root), str(root), missing_ok=missing_ok)
    if not (root / "train").is_dir() and len(inside := folders(root)) == 1:
        root = inside[0]
    if not (root / "train").is_dir() or not (root / "val" / _VAL).is_file():
        raise UserError(f"{root} has neither {_LABELS} nor train/ and val/{_VAL} of Tiny ImageNet")
    return checked(_as_published(root), str(root), missing_ok=missing_ok)


def _from_csv(file: Path, root: Path) -> dict[str, Annotations]:
    rows = read_table(file, ("path", "name", "split"))
    index = label_index(class_name(row.fields["name"]) for row in rows)
    found: dict[str, list[VideoRecord]] = {"train": [], "val": []}
    for row in rows:
        name, path = row.fields["split"], root / row.fields["path"]
        if name not in found:
            raise UserError(f"{file}, line {row.line}: split is {name!r:.80}; it must be train or val")
        found[name].append(VideoRecord(path, index[class_name(row.fields["name"])]))
    return _parts(found["train"], found["val"], tuple(index))


def _as_published(root: Path) -> dict[str, Annotations]:
    wnids = [folder.name for folder in folders(root / "train")]
    names = _names(root / _WORDS, wnids)
    index = {wnid: label for label, wnid in enumerate(wnids)}
    train = [
        VideoRecord(path, label)
        for wnid, label in index.items()
        for path in search(root / "train" / wnid, kind=PICTURES).videos
    ]
    val = []
    for number, line in enumerate(read_text(root / "val" / _VAL).splitlines(), start=1):
        picture, _, rest = line.partition("\t")
        wnid = rest.split("\t")[0].strip()
        if wnid not in index:
            raise UserError(f"{root / 'val' / _VAL}, line {number}: {wnid!r:.80} is not a class of train/")
        val.append(VideoRecord(root / "val" / "images" / picture, index[wnid]))
    return _parts(train, val, names)


def _names(file: Path, wnids: list[str]) -> tuple[str, ...]:
    """The first word for each class, the class itself where it has none, or shares it with another one."""
    if not file.is_file():
        return tuple(wnids)
    lines = (line.partition("\t") for line in read_text(file).splitlines())
    words = {wnid: class_name(text.split(",")[0]) for wnid, _, text in lines}
    names = [words.get(wnid) or wnid for wnid in wnids]
    return tuple(name if names.count(name) == 1 else wnid for name, wnid in zip(names, wnids, strict=True))


def _parts(train: list[VideoRecord], val: list[VideoRecord], names: tuple[str, ...]) -> dict[str, Annotations]:
    def there(listed: list[VideoRecord]) -> Annotations:
        return part(((r.path if r.path.is_file() else None, r.path, r.label) for r in listed), names)

    return {"train": there(train), "test": there(val)}
