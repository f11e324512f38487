"""One folder per class, as torchvision's ImageFolder has it."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from videomamba.data.annotations import Annotations, VideoRecord, check_disjoint
from videomamba.data.datasets.parts import Part, part_of, roles
from videomamba.data.names import PICTURES, VIDEOS, Kind, class_name, differing_in_case, in_order
from videomamba.data.walk import Found, folders, left_out, search
from videomamba.errors import UserError


def read_folder(root: str | Path, *, kind: Kind = VIDEOS) -> dict[str, Annotations]:
    """Videos (or pictures) of ``root/class/...``, or of ``root/{train,val,test}/class/...``.

    A part's folder may have another usual name (``training``, ``Test``, ``validation``); one that is alone is all there
    is. With ``train`` and one of the others, that one is the test part; with all three, ``val`` is a part of its own.
    Class names are the folders' names, sorted, whole numbers in their order. Files that are no videos are counted in
    the notes, hidden ones are passed over.

    Returns:
        ``{"all": ...}``, ``{"train": ..., "test": ...}`` or ``{"train": ..., "val": ..., "test": ...}``.

    Raises:
        UserError: no such folder, no classes in it, a class without videos, parts whose classes differ, folders of
            parts beside folders of classes, or one video in two classes or parts.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root} is not a folder; expected one folder per class, with {kind.word} in them")
    if (root / "mapping.txt").is_file() and (root / "groundTruth").is_dir():
        raise UserError(f"{root} has features and frame labels in MS-TCN's layout, no videos: that is for segmenters")
    inside = folders(root)
    parts = _parts(root, inside)
    if "train" in parts and len(parts) > 1:
        return _with_parts(root, parts, [folder for folder in inside if folder not in parts.values()], kind)
    if "train" in parts or len(parts) == 1:
        (folder,) = parts.values()
        only = _read_classes(folder, kind)
        note = f"{root} has {folder.name}/ and no other part: its {kind.word} are all there are"
        return {"all": dataclasses.replace(only, notes=(note, *only.notes))}
    if parts:
        raise UserError(f"{root} has {_listed(list(parts.values()))} and no train/: name one of them, or add train/")
    return {"all": _read_classes(root, kind)}


def read_images(root: str | Path, *, missing_ok: bool = False) -> dict[str, Annotations]:
    """Pictures in the layout of :func:`read_folder`; none is missing that a folder does not have."""
    return read_folder(root, kind=PICTURES)


def _parts(root: Path, inside: list[Path]) -> dict[Part, Path]:
    """The folders that are parts, by the part; a class may be called like one, and holds videos, no folders."""
    named: dict[Part, list[Path]] = {}
    for folder in inside:
        part = part_of(folder.name)
        if part is not None:
            named.setdefault(part, []).append(folder)
    for part, listed in named.items():
        if len(listed) > 1:
            raise UserError(f"{root} has {_listed(listed)}, which all mean {part}; leave one")
    parts = {part: listed[0] for part, listed in named.items()}
    others = [folder for folder in inside if folder not in parts.values()]
    if ("train" in parts and len(parts) > 1) or not others:
        return parts
    for folder in parts.values():
        if folders(folder):
            raise UserError(
                f"{root} has {folder.name}/ with folders in it beside {_listed(others)}: for parts it needs train/ and "
                "test/ with one folder per class each, for classes one folder per class"
            )
    return {}


def _with_parts(root: Path, folders_of: dict[Part, Path], others: list[Path], kind: Kind) -> dict[str, Annotations]:
    names: dict[str, Part] = {"train": "train", "val": "val", "test": "test"}
    if "test" not in folders_of:
        names = {"train": "train", "test": "val"}
    names = {name: part for name, part in names.items() if part in folders_of}
    parts = {name: _read_classes(folders_of[part], kind) for name, part in names.items()}
    train = set(parts["train"].class_names)
    for name, part in parts.items():
        if differing := train ^ set(part.class_names):
            raise UserError(
                f"{root}: classes {', '.join(in_order(differing)[:5])} are in only one of "
                f"{folders_of['train'].name}/ and {folders_of[names[name]].name}/; both need the same folders"
            )
    parts = check_disjoint(parts, root)
    beside = (f"{root}: folders beside the parts are left out: {_listed(others)}",) if others else ()
    notes = (*roles({name: len(part) for name, part in parts.items()}, root), *beside)
    return {**parts, "train": dataclasses.replace(parts["train"], notes=(*notes, *parts["train"].notes))}


class _Class(NamedTuple):
    folder: Path
    found: Found


def _read_classes(root: Path, kind: Kind) -> Annotations:
    inside = folders(root)
    if not inside:
        direct = search(root, kind=kind)
        held = left_out(direct.others)
        there = f"; it has {len(direct.videos)} {kind.word} in no folder" if direct.videos else ""
        raise UserError(
            f"{root} has no folders; expected one folder per class, with {kind.word} in them{there}"
            + "".join(f" ({line})" for line in held)
        )
    classes: dict[str, list[_Class]] = {}
    for folder in inside:
        name = class_name(folder.name)
        if not name:
            raise UserError(f"{root} has a folder {folder.name!r}, which is no class's name")
        classes.setdefault(name, []).append(_Class(folder, search(folder, kind=kind)))
    names = in_order(classes)
    records, others, notes = [], Counter[str](), []
    for label, name in enumerate(names):
        listed = classes[name]
        if not any(one.found.videos for one in listed):
            has = "".join(f"; {line}" for one in listed for line in left_out(one.found.others))
            raise UserError(
                f"class {name!r} has no {kind.word} in {listed[0].folder}; add some or remove the folder{has}"
                f"{_pictures(listed, kind)}"
            )
        if len(listed) > 1:
            notes.append(f"{root} has {len(listed)} folders that spell {name} differently; they are one class")
        for one in listed:
            records += [VideoRecord(path, label) for path in one.found.videos]
            others += one.found.others
    if beside := search(root, below=False, kind=kind).videos:
        notes.append(
            f"{len(beside)} {kind.word} in {root} itself, in no class's folder, are left out: {beside[0].name} ..."
        )
    notes += [f"{root}: classes that differ in case only: {', '.join(group)}" for group in differing_in_case(names)]
    if len(names) == 1 and (nested := _nested(inside[0])):
        notes.append(nested)
    found = Annotations(tuple(records), tuple(names), notes=(*notes, *left_out(others, root)))
    return check_disjoint({"all": found}, root)["all"]


def _pictures(listed: list[_Class], kind: Kind) -> str:
    """A hint for folders of pictures that are given as videos."""
    has_some = any(one.found.others[suffix] for one in listed for suffix in PICTURES.suffixes)
    return (
        f"; `videomamba train images {listed[0].folder.parent}` trains on pictures"
        if kind is VIDEOS and has_some
        else ""
    )


def _nested(folder: Path) -> str | None:
    """A hint for data that lie a folder deeper than they should."""
    below = folders(folder)
    if len(below) < 2:
        return None
    return (
        f"{folder.name} is the only class; if {_listed(below)} in it are the classes or parts, name the folder {folder}"
    )


def _listed(paths: list[Path], count: int = 4) -> str:
    return ", ".join(f"{path.name}/" for path in paths[:count]) + (", ..." if len(paths) > count else "")
