"""What the published layouts have in common: annotated videos that may lie under other suffixes, or not at all."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from videomamba.data.annotations import Annotations, VideoRecord, is_video
from videomamba.errors import UserError


def stems(folder: Path, *, below: bool = False) -> dict[str, Path]:
    """Videos of a folder, and ``below`` it, by their names without suffix; empty where there is no such folder."""
    return {path.stem: path for path in sorted(folder.rglob("*") if below else folder.glob("*")) if is_video(path)}


def first_that_exists(root: Path, names: Iterable[str]) -> Path | None:
    """The first of these paths below ``root`` that is there."""
    return next((root / name for name in names if (root / name).exists()), None)


def part(
    records: Iterable[tuple[Path | None, Path, int]], class_names: Sequence[str], *, published: int | None = None
) -> Annotations:
    """A part whose videos are there, beside the ones that are not.

    Args:
        records: the file that was found or None, the one that the layout says, and the label, of each video.
        class_names: what the labels stand for.
        published: videos of the part in the published data set, where that is known.
    """
    listed = list(records)
    return Annotations(
        records=tuple(VideoRecord(found, label) for found, _, label in listed if found is not None),
        class_names=tuple(class_names),
        missing=tuple(VideoRecord(expected, label) for found, expected, label in listed if found is None),
        published=published,
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
            raise UserError(f"{where}: all {count} videos of the {name} part are missing, the first {missing[0].path}")
        if missing and not missing_ok:
            raise UserError(
                f"{where}: {len(missing)} of the {count} videos of the {name} part are missing, the first "
                f"{missing[0].path}; `videomamba check` lists them"
            )
    return parts
