"""One folder per class, as torchvision's ImageFolder has it."""

from pathlib import Path

from videomamba.data.annotations import Annotations, VideoRecord, is_video
from videomamba.errors import UserError

TRAIN, TEST = "train", ("test", "val", "validation")


def read_folder(root: str | Path) -> dict[str, Annotations]:
    """Videos of ``root/class/...`` as ``{"all": ...}``, or of ``root/{train,test}/class/...`` as train and test.

    ``val`` and ``validation`` count as test. Class names are the folders' names, sorted; files that are no videos, and
    hidden ones, are passed over.

    Raises:
        UserError: no such folder, no classes in it, a class without videos, or parts whose classes differ.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root} is not a folder; expected one folder per class, with videos in them")
    if (root / "mapping.txt").is_file() and (root / "groundTruth").is_dir():
        raise UserError(f"{root} has features and frame labels in MS-TCN's layout, no videos: that is for segmenters")
    parts = {p.name: p for p in root.iterdir() if p.is_dir()}
    test = next((name for name in TEST if name in parts), None)
    if TRAIN in parts and test is not None:
        both = {"train": _read_classes(parts[TRAIN]), "test": _read_classes(parts[test])}
        differing = set(both["train"].class_names) ^ set(both["test"].class_names)
        if differing:
            raise UserError(
                f"{root}: classes {', '.join(sorted(differing)[:5])} are in only one of {TRAIN}/ and {test}/; "
                "both need the same folders"
            )
        return both
    return {"all": _read_classes(root)}


def _read_classes(root: Path) -> Annotations:
    classes = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise UserError(f"{root} has no folders; expected one folder per class, with videos in them")
    records = []
    for label, folder in enumerate(classes):
        videos = sorted(p for p in folder.rglob("*") if is_video(p))
        if not videos:
            raise UserError(f"class {folder.name!r} has no videos in {folder}; add some or remove the folder")
        records += [VideoRecord(path, label) for path in videos]
    return Annotations(tuple(records), tuple(p.name for p in classes))
