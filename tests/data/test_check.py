"""What is wrong with a file, also where a decoder crashes."""

import os

import pytest

from tests.tiny import write_clips
from videomamba.data import check as data_check


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the crash is inherited by forked workers")
def test_a_decoder_that_crashes_costs_its_file_alone(tmp_path, monkeypatch):
    clips = write_clips(tmp_path / "clips", per_class=2)
    paths = sorted(clips.glob("*/*.mp4"))
    reader = data_check.VideoReader

    def crashes(path, **options):
        if path == paths[4]:
            os._exit(9)
        return reader(path, **options)

    monkeypatch.setattr(data_check, "VideoReader", crashes)
    forked = data_check.multiprocessing.get_context("fork")
    monkeypatch.setattr(data_check.multiprocessing, "get_context", lambda: forked)
    found = dict(data_check.check_videos(paths, frames=4, workers=2))
    assert sorted(found) == list(range(len(paths)))
    assert {place: finding for place, finding in found.items() if finding} == {
        4: ("unreadable", "the decoder crashed, or its process was killed")
    }


@pytest.mark.shared
def test_real_clips_are_good(shared_data):
    for path in sorted((shared_data / "clips").iterdir()):
        if path.suffix in (".avi", ".mp4"):
            assert data_check.check_video(path, frames=16) is None, path
