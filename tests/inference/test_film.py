"""A film with a running caption: all frames, their times, and the score nearest to each."""

import numpy as np
import pytest
import torch

from tests.data.videos import numbered_frames
from videomamba.data import VideoReader
from videomamba.data.stream import StreamFrame
from videomamba.inference.film import CaptionedFilm


def bar_share(picture, height):
    """Which class the strip below (H, W, 3) has first, by the length of its bar: the share of the best class."""
    strip = np.asarray(picture)[height:].astype(int)
    blue = (abs(strip - (86, 180, 233)).sum(-1) < 90).sum(1).max()
    return float(blue / (picture.shape[1] // 4))


def test_each_frame_has_the_nearest_score_and_its_own_time(tmp_path):
    frames = torch.from_numpy(numbered_frames(30, 96, 128)).permute(0, 3, 1, 2)
    times = [i * 0.1 + (0.5 if i >= 20 else 0.0) for i in range(30)]
    scores = {0.4: 0.9, 1.2: 0.6, 2.9: 0.9}
    with CaptionedFilm(tmp_path / "film.mp4", ["a", "b"], 10.0) as film:
        waiting = 0
        for i, frame in enumerate(frames):
            film.frame(StreamFrame(i, times[i], frame))
            for moment, best in scores.items():
                if i and times[i - 1] < moment + 0.4 <= times[i]:
                    film.score(moment, np.array([best, 1 - best], np.float32))
            waiting = max(waiting, len(film._waiting))
    assert waiting < 25
    with VideoReader(tmp_path / "film.mp4") as reader:
        assert reader.num_frames == 30
        assert list(reader.times.seconds) == pytest.approx(times, abs=1e-3)
        found = [bar_share(picture.permute(1, 2, 0), 96) for picture in reader.stream()]
    expected = [0.9 if t < 0.8 or t >= 2.05 else 0.6 for t in times]
    assert found == pytest.approx(expected, abs=0.08)


def test_nothing_is_left_of_a_film_that_fails(tmp_path):
    def fail():
        with CaptionedFilm(tmp_path / "film.mp4", ["a"], None) as film:
            film.frame(StreamFrame(0, 0.0, torch.zeros(3, 32, 32, dtype=torch.uint8)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
