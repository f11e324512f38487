"""The linear classifier sees brightness and change, and neither order nor what it cannot read."""

import numpy as np
import pytest

from videomamba.data import Annotations, VideoError, VideoRecord
from videomamba.data.splits import Splits
from videomamba.data.video_writer import write_video
from videomamba.experiments.baseline import linear_baseline


def part(folder, count, frames_of):
    """Clips of two classes."""
    folder.mkdir()
    records = []
    for label in (0, 1):
        for i in range(count):
            path = folder / f"{label}_{i}.mp4"
            write_video(path, frames_of(label, i), fps=10)
            records.append(VideoRecord(path, label))
    return Annotations(tuple(records), ("a", "b"))


def noisy(label, i, brightness):
    noise = np.random.default_rng([label, i]).integers(0, 20, (8, 32, 32, 3))
    return (noise + brightness[:, None, None, None]).astype(np.uint8)


def brighter(label, i):
    return noisy(label, i, np.full(8, 60 + 80 * label))


def flickering(label, i):
    """The same mean of both classes; only one changes over time."""
    return noisy(label, i, 100 + 60 * label * np.array([1, -1] * 4))


def rising(label, i):
    """One class is the other one played backwards, each clip with noise of its own."""
    noise = np.random.default_rng(i + 100 * label).integers(0, 80, (8, 32, 32, 3))
    return (noise + np.linspace(20, 150, 8)[:, None, None, None])[:: 1 - 2 * label].astype(np.uint8)


@pytest.mark.parametrize("frames_of", [brighter, flickering])
def test_what_it_sees(tmp_path, frames_of):
    splits = Splits(train=part(tmp_path / "train", 6, frames_of), test=part(tmp_path / "test", 2, frames_of))
    told = []
    found = linear_baseline(splits, progress=lambda done, total: told.append((done, total)))
    assert (found.top1, found.train, found.test) == (1.0, 12, 4)
    assert told[-1] == (16, 16)


def test_it_is_blind_to_order(tmp_path):
    splits = Splits(
        train=part(tmp_path / "train", 6, rising),
        test=part(tmp_path / "test", 10, lambda *of: rising(of[0], of[1] + 50)),
    )
    assert linear_baseline(splits).top1 < 0.8


def test_broken_files_do_not_count(tmp_path):
    splits = Splits(train=part(tmp_path / "train", 5, brighter), test=part(tmp_path / "test", 2, brighter))
    splits.test.records[0].path.write_bytes(b"x")
    assert linear_baseline(splits).test == 3
    for record in splits.test.records:
        record.path.write_bytes(b"x")
    with pytest.raises(VideoError, match="no video"):
        linear_baseline(splits)
