"""The benchmark of data loading: the frames of the data set, ratios that follow from times."""

import av
import pytest
from av.video.reformatter import VideoReformatter

from videomamba.benchmark import data
from videomamba.data import VideoReader, VideoRecord
from videomamba.preprocessing import Preprocessing


def test_ratios_are_of_each_clip_and_of_the_sums():
    times = [
        {"bare": 1, "used": 2, "every": 4, "opening": 1, "reading": 1, "transform": 2, "sample": s, "decoded": d}
        for s, d in ((4, 10), (8, 20), (24, 60))
    ]
    row = data._row("pyav", "2", 3, times)
    assert (row.decoded, row.sample, row.every) == (20, 8000, 4000)
    assert (row.times_bare, row.times_used, row.times_every) == (8, 4, 2)
    assert (row.sums_bare, row.sums_used, row.sums_every) == (12, 6, 3)


def test_the_parts_are_of_the_frames_that_the_item_takes(videos):
    paths = sorted(videos.iterdir())
    dataset = data._dataset("pyav", paths, Preprocessing(4, 3, (16, 16)), data.TABLE_S3)
    dataset.set_epoch(5)
    read = []
    reading = VideoReader.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            VideoReader, "read", lambda self, indices, **o: read.append(list(indices)) or reading(self, indices)
        )
        indices, seconds = data._parts(dataset, 2)
        _ = dataset[2]
    assert read == [indices, indices]
    assert set(seconds) == {"opening", "reading", "transform"}
    assert dataset.records[2] == VideoRecord(paths[2], 0)


@pytest.mark.parametrize(("pictures", "converted"), [("bare", 0), ("used", 3), ("every", 10)])
def test_the_decoder_alone_stops_at_the_last_frame(videos, monkeypatch, pictures, converted):
    """And makes as many pictures as it says."""
    seen = {"decoded": 0, "converted": 0}

    class Counting:
        def __init__(self, container):
            self.container, self.streams = container, container.streams

        def decode(self, stream):
            for frame in self.container.decode(stream):
                seen["decoded"] += 1
                yield frame

        def __enter__(self):
            return self

        def __exit__(self, *how):
            self.container.close()

    class Reformatter:
        def __init__(self):
            self.real = VideoReformatter()

        def reformat(self, frame, **how):
            seen["converted"] += 1
            return self.real.reformat(frame, **how)

    opened = av.open
    monkeypatch.setattr(av, "open", lambda path, **options: Counting(opened(path, **options)))
    monkeypatch.setattr("av.video.reformatter.VideoReformatter", Reformatter)
    data._pyav(videos / "0.mp4", [2, 4, 9], pictures)
    assert seen == {"decoded": 10, "converted": converted}
