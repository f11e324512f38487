"""What people are shown is what the model gets."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.data.videos import number_of, numbered_frames, write
from videomamba.data import Annotations, VideoError, VideoReader, VideoRecord, load_clip
from videomamba.data.synthetic import write_video
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.recognition import Recognition

PREPROCESSING = Preprocessing(num_frames=4, size=(32, 48), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.1))


@pytest.fixture
def clip(tmp_path):
    rng = np.random.default_rng(0)
    write_video(tmp_path / "a.mp4", rng.integers(0, 256, (20, 64, 96, 3), dtype=np.uint8), fps=10)
    return tmp_path / "a.mp4"


@pytest.mark.parametrize("stride", [None, 2])
def test_it_is_the_clip_that_is_tested(clip, stride):
    p = dataclasses.replace(PREPROCESSING, stride=stride)
    seen = load_clip(clip, p)
    part = Annotations((VideoRecord(clip, 0),), ("a", "b"))
    assert torch.equal(seen.video, Recognition(("a", "b")).test_dataset(part, p)[0]["video"])
    assert seen.indices.tolist() == ([2, 7, 12, 17] if stride is None else [6, 8, 10, 12])
    assert seen.frames_per_second == pytest.approx(2 if stride is None else 5, rel=1e-3)


def test_frames_are_its_pixels(clip):
    seen = load_clip(clip, PREPROCESSING)
    assert (seen.frames.dtype, seen.frames.shape) == (torch.uint8, (4, 3, 32, 48))
    with VideoReader(clip) as reader:
        decoded = reader.read([7]).frames
    want = torch.nn.functional.interpolate(decoded.float(), size=(32, 48), mode="bilinear", antialias=True)[0]
    assert (seen.frames[1].float() - want).abs().max() <= 1.5


def test_a_single_moment_has_a_pace(clip):
    assert load_clip(clip, dataclasses.replace(PREPROCESSING, num_frames=1)).frames_per_second == 1.0


def test_no_video(tmp_path):
    with pytest.raises(VideoError, match="does not exist"):
        load_clip(tmp_path / "none.mp4", PREPROCESSING)


def test_the_film_of_a_clip_plays_between_its_frames(tmp_path):
    from videomamba.data.model_clip import clip_film

    path = write(tmp_path / "a.mp4", numbered_frames(40), fps=10)
    clip = load_clip(path, Preprocessing(num_frames=4, stride=6, size=(16, 16)))
    first, last = int(clip.indices[0]), int(clip.indices[-1])
    film = clip_film(path, clip, side=48)
    assert tuple(film.frames.shape) == (last - first + 1, 3, 48, 48)
    assert [number_of(frame) for frame in film.frames[[0, -1]]] == [first, last]
    assert film.places.tolist() == [0] * 4 + [1] * 6 + [2] * 6 + [3] * 3
    assert film.seconds.tolist() == pytest.approx([i / 10 for i in range(last - first + 1)])
    few = clip_film(path, clip, most=7)
    assert len(few.frames) == 7
    assert few.places[-1] == 3
