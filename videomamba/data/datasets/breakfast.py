"""Breakfast (Kuehne et al., CVPR 2014) as recognition of whole videos: ten activities, 1357 videos train, 355 test."""

import re
from pathlib import Path

from videomamba.data.annotations import Annotations
from videomamba.data.datasets.present import checked, part
from videomamba.data.walk import left_out, search
from videomamba.errors import UserError
from videomamba.labels import class_names

FIRST_TEST_PERSON = 47  # people P03 to P46 train, P47 to P54 test
_PUBLISHED = {"train": 1357, "test": 355}
_FLAT = re.compile(r"P(?P<person>\d\d)_(?P<camera>[a-z]+\d*)_P(?P=person)_(?P<activity>[a-z]+)")
_NESTED = re.compile(r"P(?P<person>\d\d)_(?P<activity>[a-z]+?)(_ch(?P<channel>\d))?")


def read_breakfast(root: str | Path, *, missing_ok: bool = False) -> dict[str, Annotations]:
    """All videos of the published folders, ``P03/cam01/P03_cereals.avi`` and ``P03/stereo/P03_cereals_ch0.avi``.

    They may lie in ``root`` or below it (``BreakfastII_15fps_qvga_sync/``), also under the names of the segmentation
    task, ``P03_cam01_P03_cereals.avi``. Of a stereo pair the first channel counts, else the second: 1712 videos in
    all. The activity is in the name, the person decides the part. No file lists them, so none can be named as missing.

    Args:
        root: the data set's folder.
        missing_ok: as other layouts have it; here no file says which videos there should be.

    Raises:
        UserError: no such folder, or no such video in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root} is not a folder; expected Breakfast's, with P03/cam01/P03_cereals.avi and so on")
    names = class_names("breakfast")
    videos: dict[tuple[str, str, str], Path] = {}
    found = search(root)
    for path in found.videos:
        key = _person_camera_activity(path)
        if key is not None and key[2] in names:
            videos.setdefault(key, path)  # sorted: channel 0 comes first
    if not videos:
        raise UserError(
            f"{root} has no videos of Breakfast; looked for P03/cam01/P03_cereals.avi, P03/stereo/P03_cereals_ch0.avi "
            "and P03_cam01_P03_cereals.avi in it and below" + "".join(f"; {line}" for line in left_out(found.others))
        )
    rows: dict[str, list[tuple[Path | None, Path, int]]] = {"train": [], "test": []}
    for (person, _, activity), path in sorted(videos.items()):
        rows["train" if int(person) < FIRST_TEST_PERSON else "test"].append((path, path, names.index(activity)))
    notes = left_out(found.others)
    parts = {name: part(listed, names, published=_PUBLISHED[name], notes=notes) for name, listed in rows.items()}
    return checked(parts, f"Breakfast in {root}", missing_ok=missing_ok)


def _person_camera_activity(path: Path) -> tuple[str, str, str] | None:
    """What a file's name and folder say, the camera as the segmentation task has it (``stereo01``)."""
    if match := _FLAT.fullmatch(path.stem):
        return match["person"], match["camera"], match["activity"]
    if match := _NESTED.fullmatch(path.stem):
        camera = path.parent.name
        return match["person"], "stereo01" if camera == "stereo" else camera, match["activity"]
    return None
