"""What a long video really shows, by a file of labels."""

import itertools
from pathlib import Path

from videomamba.data.datasets.csv import read_table
from videomamba.data.datasets.mstcn_labels import few, read_labels
from videomamba.data.reader import VideoReader
from videomamba.errors import UserError

Stretch = tuple[str, float, float]  # label, begin and end in seconds
_COLUMNS = ("start_s", "end_s", "label")


def read_truth(file: Path, video: Path) -> list[Stretch]:
    """Labels over time, in order.

    Args:
        file: a csv with the columns start_s, end_s and label, or a text with one label per line and frame.
        video: that they are of.

    Raises:
        UserError: a file of another kind, a time that is none, or other than one label per frame.
        VideoError: the video cannot be read.
    """
    if file.suffix.lower() == ".csv":
        stretches = [_stretch(file, row.line, row.fields) for row in read_table(file, _COLUMNS)]
        return sorted(stretches, key=lambda stretch: stretch[1])
    if file.suffix.lower() != ".txt":
        raise UserError(
            f"{file.name}: give a .csv with the columns {', '.join(_COLUMNS)}, or a .txt, one label per frame"
        )
    labels = read_labels(file)
    with VideoReader(video) as reader:
        times = reader.times
    if not few(len(labels), len(times)):
        raise UserError(f"{file.name} has {len(labels)} labels, the video has {len(times)} frames; give one per frame")
    found, begin = [], 0
    for label, run in itertools.groupby(labels[: len(times)]):
        end = begin + len(list(run))
        found.append((label, times[begin], times[end] if end < len(times) else times.duration))
        begin = end
    return found


def _stretch(file: Path, line: int, fields: dict[str, str]) -> Stretch:
    try:
        start, end = float(fields["start_s"]), float(fields["end_s"])
    except ValueError:
        start, end = 0.0, -1.0
    if not 0 <= start <= end < float("inf"):
        raise UserError(
            f"{file.name}, line {line}: from {fields['start_s']!r} to {fields['end_s']!r} is no stretch in seconds"
        )
    return fields["label"], start, end
