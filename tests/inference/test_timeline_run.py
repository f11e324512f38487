"""A timeline's run: killed and gone on with, byte for byte the same; films; streams that Ctrl-C ends."""

import io

import av
import psutil
import pytest

from tests.colours import write_colours
from videomamba.data import VideoReader
from videomamba.errors import UserError
from videomamba.inference import timeline_run, windows
from videomamba.inference.timeline import Sliding
from videomamba.inference.timeline_files import TimelineFiles
from videomamba.inference.timeline_run import facts_of, run_timeline
from videomamba.models import load_model


class Stop(Exception):
    pass


def run(colours, source, folder, *, stop_after=None, error=Stop, **options):
    """Runs, and fails after so many scores."""
    sliding = Sliding.over(load_model(colours), stride=2)
    files = TimelineFiles(folder / "a.csv", sliding.labels, facts_of(source, "model", sliding))
    left = stop_after

    def on_seconds(done, of):
        nonlocal left
        if left is not None:
            left -= 1
            if not left:
                raise error

    try:
        run_timeline(source, sliding, files, on_seconds=on_seconds, **options)
    finally:
        files.close()
    return files


@pytest.fixture
def film(tmp_path):
    return write_colours(tmp_path / "film.mp4", ["red", "blue", "green"], each=15)


@pytest.mark.parametrize("at_once", [1, 3, 32])
def test_killed_and_gone_on_with_the_csv_is_the_same(colours, film, tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(windows, "_VIEWS", at_once)
    whole = run(colours, film, tmp_path / "whole").csv.read_bytes()
    monkeypatch.setattr(timeline_run, "_SAVE", 0.0)
    for stop in (1, 5):
        with pytest.raises(Stop):
            run(colours, film, tmp_path / "part", stop_after=stop, resume=True)
    monkeypatch.setattr(timeline_run, "_SAVE", 1e9)  # saved at the first row only: the others are done again
    with pytest.raises(Stop):
        run(colours, film, tmp_path / "part", stop_after=4, resume=True)
    files = run(colours, film, tmp_path / "part", resume=True)
    assert files.csv.read_bytes() == whole
    with pytest.raises(UserError, match="is not finished: --resume"):
        run(colours, film, tmp_path / "part")


def test_a_film_of_a_resumed_timeline_is_the_same_film(colours, film, tmp_path, monkeypatch):
    run(colours, film, tmp_path / "whole", film=tmp_path / "whole.mp4")
    monkeypatch.setattr(timeline_run, "_SAVE", 0.0)
    with pytest.raises(Stop):
        run(colours, film, tmp_path / "part", film=tmp_path / "part.mp4", stop_after=9)
    assert not (tmp_path / "part.mp4").exists()
    run(colours, film, tmp_path / "part", film=tmp_path / "part.mp4", resume=True)
    assert (tmp_path / "part.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    with VideoReader(tmp_path / "whole.mp4") as reader:
        assert reader.num_frames == 45


def test_ctrl_c_keeps_what_there_is_of_a_stream(colours, film, tmp_path):
    source = io.BytesIO(film.read_bytes())
    with pytest.raises(KeyboardInterrupt):
        run(colours, source, tmp_path, film=tmp_path / "part.mp4", stop_after=6, error=KeyboardInterrupt)
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 7
    assert not (tmp_path / "a.csv.resume").exists()
    with VideoReader(tmp_path / "part.mp4") as reader:
        assert 10 < reader.num_frames < 30


def test_facts_tell_models_windows_and_files_apart(colours, film):
    model = load_model(colours)
    facts = facts_of(film, "m", Sliding.over(model, stride=2))
    assert facts["bytes"] == film.stat().st_size
    assert facts_of(film, "m", Sliding.over(model, stride=4)) != facts
    model.head.weight.data[0, 0] += 1
    assert facts_of(film, "m", Sliding.over(model, stride=2))["weights"] != facts["weights"]


@pytest.mark.slow
def test_two_hours_take_as_much_memory_as_five_minutes(colours, tmp_path):
    """36,000 frames, one minute played 120 times; colours change every 20 s, which is found within a stride."""
    minute = write_colours(tmp_path / "minute.mp4", ["red", "blue", "green"], each=100, fps=5)
    film = tmp_path / "film.mkv"
    copy = None
    with av.open(str(film), "w") as written:
        for i in range(120):
            with av.open(str(minute)) as read:
                stream = read.streams.video[0]
                copy = written.add_stream_from_template(stream) if copy is None else copy
                for packet in read.demux(stream):
                    if packet.dts is not None:
                        packet.pts += round(60 * i / packet.time_base)
                        packet.dts += round(60 * i / packet.time_base)
                        packet.stream = copy
                        written.mux(packet)
    sliding = Sliding.over(load_model(colours), stride=10)
    files = TimelineFiles(tmp_path / "film.csv", sliding.labels, facts_of(film, "colours", sliding))
    process, sizes = psutil.Process(), {}

    def on_seconds(done, of):
        for minutes in (5, 119):
            if done >= 60 * minutes:
                sizes.setdefault(minutes, process.memory_info().rss)

    run_timeline(film, sliding, files, on_seconds=on_seconds)
    spans = files.finish("film")
    print(f"{sizes[5] / 2**20:.1f} MiB at minute 5, {sizes[119] / 2**20:.1f} at minute 119; {len(spans)} stretches")
    assert abs(sizes[119] / sizes[5] - 1) < 0.05
    assert [span.label for span in spans] == ["red", "blue", "green"] * 120
    for i, span in enumerate(spans[1:], 1):
        assert abs(span.start_s - 20 * i) <= 10 / 5 + 1e-3
