"""Where AVA's files lie in a folder: label maps, annotations, exclusions and videos."""

from pathlib import Path

from videomamba.data.datasets.ava_files import read_label_map
from videomamba.data.names import video_name
from videomamba.data.walk import folders, is_hidden, search
from videomamba.errors import UserError

_NO_VIDEO = ("annotations", "videos", "frames")


def classes(folder: Path) -> tuple[dict[int, str], frozenset[int]]:
    """The label map with most classes, and the indices of those that the one for the evaluation has.

    Raises:
        UserError: no label map, or several.
    """
    files = sorted(file for file in folder.iterdir() if ".pbtxt" in file.name and not is_hidden(file.name))
    if not files:
        raise UserError(f"{folder} has no label map (*.pbtxt), such as ava_action_list_v2.2.pbtxt")
    judged = [file for file in files if "activitynet" in file.name]
    whole = [file for file in files if file not in judged] or judged
    if len(whole) > 1 or len(judged) > 1:
        raise UserError(f"{folder} has several label maps: {', '.join(file.name for file in files)}; leave one")
    names = read_label_map(whole[0])
    counted = read_label_map(judged[0]) if judged else names
    return names, frozenset(i for i, number in enumerate(names) if number in counted)


def annotation_file(folder: Path, words: tuple[str, ...]) -> Path:
    """The csv of a part that has one of these words in its name.

    Raises:
        UserError: there is none, or there are several.
    """
    others = ("excluded", "included", "detect", "box", "proposal", "person", "bad")
    files = [
        file
        for file in sorted(folder.glob("*.csv"))
        if not is_hidden(file.name)
        and any(word in file.stem.lower().split("_") for word in words)
        and not any(o in file.name.lower() for o in others)
    ]
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise UserError(f"{folder}: expected one csv such as ava_{words[0]}_v2.2.csv, found {found}")
    return files[0]


def excluded_file(folder: Path, words: tuple[str, ...]) -> Path | None:
    """The csv of a part's excluded timestamps, where there is one."""
    files = (
        f
        for f in sorted(folder.glob("*excluded*.csv"))
        if not is_hidden(f.name) and any(w in f.stem.lower().split("_") for w in words)
    )
    return next(files, None)


def videos(root: Path) -> dict[str, Path]:
    """Video files by name without suffix, and folders of frames by name; folders win."""
    found: dict[str, Path] = {}
    for place in (root, root / "videos", root / "frames"):
        if place.is_dir():
            found |= {video_name(path.name): path for path in search(place, below=False).videos}
    for place in (root, root / "videos", root / "frames"):
        if place.is_dir():
            found |= {video_name(path.name): path for path in folders(place) if path.name not in _NO_VIDEO}
    return found
