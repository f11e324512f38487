"""The benchmark of data loading: every decoder that works, the frames of the data set, ratios that follow."""

import csv
import json

import av
import pytest
from av.video.reformatter import VideoReformatter

from tests.data.videos import numbered_frames, write
from videomamba.benchmark import data
from videomamba.cli.main import main
from videomamba.data import VideoReader, VideoRecord
from videomamba.preprocessing import Preprocessing

SMALL = ("--frames", "4", "--size", "16", "--clips", "3", "--rounds", "2", "--workers", "1")


@pytest.fixture
def videos(tmp_path):
    for i in range(4):
        write(tmp_path / "videos" / f"{i}.mp4", numbered_frames(20 + i))
    return tmp_path / "videos"


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "videos").mkdir()


def test_every_decoder_and_stride(videos, tmp_path, capsys):
    files = {"--csv": tmp_path / "new" / "rows.csv", "--markdown": tmp_path / "rows.md", "--plot": tmp_path / "a.svg"}
    written = [str(part) for pair in files.items() for part in pair]
    command = ["benchmark", "data", str(videos), *SMALL, "--strides", "uniform", "3", "--json", *written]
    assert main(command) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    working = [name for name, status in figures["decoders"].items() if status == "works"]
    assert "pyav" in working
    assert set(figures["decoders"]) == {"pyav", "torchcodec"}
    rows = figures["rows"]
    assert [(r["decoder"], r["sampling"]) for r in rows] == [(d, s) for d in working for s in ("uniform", "3")]
    for row in rows:
        assert row["clips"] == 3
        assert 10 <= row["decoded"] <= 23  # 4 frames 3 apart end at the tenth at the earliest
        assert (row["bare"] is None) == (row["decoder"] == "torchcodec")
        assert row["sample"] > row["transform"] > 0
    assert set(figures["clips_per_second"]) == set(working)
    assert all(speed["1"] > 0 for speed in figures["clips_per_second"].values())
    for name in set(figures["decoders"]) - set(working):
        assert f"{name} is left out: " in err
    with files["--csv"].open(newline="") as file:
        assert [float(row["sample"]) for row in csv.DictReader(file)] == [row["sample"] for row in rows]
    lines = files["--markdown"].read_text().splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert "decoder alone" in files["--plot"].read_text()


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strides", "0"), "--strides 0: give uniform, or a number of at least 1"),
        (("--strides", "all"), "--strides all: give uniform"),
        (("--strides",), "--strides: give at least one"),
        (("--csv", "."), ". is a folder; name a file to write"),
        (("--plot", "rows.xls"), "--plot rows.xls: end it in one of"),
        (("--clips", "0"), "--clips 0: give a number of at least 1"),
    ],
)
def test_mistakes(videos, capsys, options, message):
    assert main(["benchmark", "data", str(videos), *options]) == 2
    assert message in capsys.readouterr().err


def test_no_videos(tmp_path, capsys):
    assert main(["benchmark", "data", str(tmp_path / "videos")]) == 2
    assert "holds no video" in capsys.readouterr().err
