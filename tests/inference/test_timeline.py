"""Scores over time: where a class changes, when, and what of the last frames."""

import io
import itertools

import numpy as np
import pytest
import torch

from tests.colours import colour_frames, write_colours
from tests.data.videos import write
from videomamba.data import eval_transform
from videomamba.data.stream import VideoStream
from videomamba.inference import windows
from videomamba.inference.timeline import Sliding, timeline
from videomamba.models import load_model

ORDER = ["red", "blue", "green", "blue"]


def changes(moments, labels):
    """When the best class becomes another one: half-way between the two scores."""
    found = [(m.seconds, labels[int(m.scores.argmax())]) for m in moments]
    return [((a[0] + b[0]) / 2, b[1]) for a, b in itertools.pairwise(found) if a[1] != b[1]]


@pytest.mark.parametrize(("window", "stride", "step"), [(None, 2, 1), (None, None, 2), (8, 4, 1), (None, 12, 1)])
def test_changes_are_found_within_one_stride(colours, tmp_path, window, stride, step):
    """Colours change every 3 s; scores are ``stride`` frames of 0.1 s apart."""
    film = write_colours(tmp_path / "film.mp4", ORDER, each=30)
    model = load_model(colours)
    sliding = Sliding.over(model, window=window, stride=stride, step=step)
    found = changes(timeline(model, film, window=window, stride=stride, step=step), model.class_names)
    assert [label for _, label in found] == ORDER[1:]
    for (seconds, _), truth in zip(found, (3.0, 6.0, 9.0), strict=True):
        assert abs(seconds - truth) <= sliding.stride / 10 + 1e-6


def test_rows_are_those_of_the_model_at_the_frames_own_times(colours, tmp_path):
    """At a variable rate; the last score is of the last frames, with the last one repeated to fill a tubelet."""
    frames = colour_frames(["red", "green"], each=6)[:11]
    pts = [0, 40, 80, 200, 240, 280, 500, 540, 580, 620, 900]
    film = write(tmp_path / "film.mp4", frames, pts=pts)
    model = load_model(colours).eval()
    moments = list(timeline(model, film, stride=4))
    times = np.array([(m.start, m.seconds, m.end) for m in moments])
    np.testing.assert_allclose(times, [(0.0, 0.08, 0.2), (0.24, 0.5, 0.54), (0.58, 0.9, 0.9)], atol=1e-6)
    with VideoStream(film) as stream:
        seen = torch.stack([frame.picture for frame in stream.frames()])
    prepare = eval_transform(model.preprocessing)
    for moment, chosen in zip(moments, ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 10]), strict=True):
        with torch.inference_mode():
            expected = model(prepare(seen[chosen])[None])[0].softmax(-1)
        torch.testing.assert_close(moment.scores, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("length", "count"), [(1, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)])
def test_the_end(colours, tmp_path, length, count):
    film = write(tmp_path / "film.mp4", colour_frames(["red"], each=length))
    moments = list(timeline(load_model(colours), film, stride=2))
    assert len(moments) == count
    assert moments[-1].end == pytest.approx((length - 1) / 25)


def test_short_windows_go_through_the_model_together_and_no_more_than_that_are_kept(colours, tmp_path, monkeypatch):
    film = write_colours(tmp_path / "film.mp4", ORDER, each=9)
    alone, together = load_model(colours), load_model(colours)
    sizes: dict[str, list[int]] = {"alone": [], "together": []}
    alone.norm.register_forward_hook(lambda *args: sizes["alone"].append(len(args[2])))
    together.norm.register_forward_hook(lambda *args: sizes["together"].append(len(args[2])))
    found = list(timeline(together, film, stride=2))
    monkeypatch.setattr(windows, "_VIEWS", 1)
    expected = list(timeline(alone, film, stride=2))
    assert sizes == {"alone": [1] * 17, "together": [17]}
    monkeypatch.setattr(windows, "_VIEWS", 5)
    sizes["alone"].clear()
    again = list(timeline(alone, film, stride=2))
    assert sizes["alone"] == [5, 5, 5, 2]
    for one, other, third in zip(found, expected, again, strict=True):
        assert one[:3] == other[:3] == third[:3]
        torch.testing.assert_close(one.scores, other.scores, atol=1e-6, rtol=0)
        torch.testing.assert_close(third.scores, other.scores, atol=1e-6, rtol=0)


def test_sources_that_are_read_once(colours, tmp_path):
    film = write_colours(tmp_path / "film.mp4", ["red", "blue"], each=8)
    model = load_model(colours)
    expected = [m.scores for m in timeline(model, film)]
    data = film.read_bytes()
    for source in (data, io.BytesIO(data)):
        found = [m.scores for m in timeline(model, source)]
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("at_once", [1, 3])
def test_goes_on_from_what_was_kept(colours, tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(windows, "_VIEWS", at_once)
    film = write_colours(tmp_path / "film.mp4", ORDER, each=9)
    model = load_model(colours)
    whole = list(timeline(model, film, stride=2, step=1))
    first = Sliding.over(model, stride=2, step=1)
    with VideoStream(film) as stream:
        rows = first.moments(stream)
        done = [next(rows) for _ in range(6)]
    second = Sliding.over(model, stride=2, step=1)
    second.load_state_dict(first.state_dict())
    with VideoStream(film) as stream:
        rest = list(second.moments(stream))
    assert len(done) + len(rest) == len(whole)
    for a, b in zip([*done, *rest], whole, strict=True):
        assert (a.seconds, a.start, a.end) == (b.seconds, b.start, b.end)
        assert torch.equal(a.scores, b.scores)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"stride": 3}, "stride=3; it must be a multiple of 2, the model's tubelet \\(2\\) times step \\(1\\)"),
     ({"stride": 4, "step": 3}, "a multiple of 6"), ({"stride": 0}, "stride=0; it must be a whole number"),
     ({"window": 5}, "num_frames=5 must be divisible by tubelet_size=2"), ({"window": 0}, "window=0"),
     ({"step": 0}, "step=0")],
)  # fmt: skip
def test_options_that_cannot_be(colours, options, message):
    with pytest.raises(ValueError, match=message):
        Sliding.over(load_model(colours), **options)


def test_a_window_of_another_length_leaves_the_model_as_it_is(colours, tmp_path):
    model = load_model(colours)
    film = write(tmp_path / "film.mp4", colour_frames(["red"], each=9))
    assert len(list(timeline(model, film, window=8, stride=8))) == 2
    assert model.config.num_frames == 4
    assert np.isclose(model.preprocessing.num_frames, 4)
