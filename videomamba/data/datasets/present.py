"""What the published layouts share: annotated videos that may have other suffixes, or be missing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from videomamba.data.annotations import Annotations, VideoRecord
from videomamba.data.names import class_name
from videomamba.data.walk import left_out, search
from videomamba.errors import UserError


@dataclass
class Stems:
    """Videos by their names without suffix, and how many other files lie with them, by suffix."""

    videos: dict[str, Path] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)

    def add(self, folder: Path) -> None:
        """Those of a folder and below it, as archives unpack into one more folder; the first of a name stays."""
        if folder.is_dir():
            found = search(folder)
            for path in found.videos:
                self.videos.setdefault(class_name(path.stem), path)
            self.others += found.others

    def get(self, name: str) -> Path | None:
        """The video of this name, whatever its suffix."""
        return self.videos.get(class_name(name))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the search for people."""
        return left_out(self.others)


def first_that_exists(root: Path, names: Iterable[str]) -> Path | None:
    """The first of these paths below ``root`` that is there."""
    return next((root / name for name in names if (root / name).exists()), None)


def part(
    records: Iterable[tuple[Path | None, Path, int]],
    class_names: Sequence[str],
    *,
    published: int | None = None,
    notes: tuple[str, ...] = (),
) -> Annotations:
    """A part whose videos are there, beside the ones that are not.

    Args:
        records: the file that was found or None, the one that the layout says, and the label, of each video.
        class_names: what the labels stand for.
        published: videos of the part in the published data set, where that is known.
        notes: lines for people.
    """
    listed = list(records)
    return Annotations(
        records=tuple(VideoRecord(found, label) for found, _, label in listed if found is not None),
        class_names=tuple(class_names),
        missing=tuple(VideoRecord(expected, label) for found, expected, label in listed if found is None),
        published=published,
        notes=notes,
    )


def checked(parts: dict[str, Annotations], where: str, *, missing_ok: bool) -> dict[str, Annotations]:
    """The same parts.

    Raises:
        UserError: a part of which nothing is annotated or nothing is there; unless ``missing_ok``, one video missing.
    """
    for name, annotations in parts.items():
        missing, count = annotations.missing, len(annotations) + len(annotations.missing)
        if not count:
            raise UserError(f"{where}: no video is in the {name} part")
        if missing and not len(annotations):
            held = "".join(f"; {line}" for line in annotations.notes)
            raise UserError(
                f"{where}: all {count} videos of the {name} part are missing, the first {missing[0].path}{held}"
            )
        if missing and not missing_ok:
            raise UserError(
                f"{where}: {len(missing)} of the {count} videos of the {name} part are missing, the first "
                f"{missing[0].path}; `videomamba check` lists them"
            )
    return parts
