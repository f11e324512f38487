"""SyntheticMotions as files: whole or not there, the same for the same settings, and real h264."""

import multiprocessing
import os

import av
import numpy as np
import pytest

from videomamba.data import VideoReader
from videomamba.data.synthetic import SyntheticMotions, class_names, render_motion, write_synthetic
from videomamba.data.synthetic import files as module
from videomamba.errors import UserError

SMALL = SyntheticMotions(train_per_class=2, test_per_class=1, num_frames=6, size=32)


@pytest.fixture
def forked(monkeypatch):
    """Rendering processes that know what is patched and need not import anything again."""
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(module, "get_context", lambda _: fork)


def test_files_are_h264_of_the_rendered_frames(tmp_path, forked):
    calls = []
    root = write_synthetic(tmp_path / "data", SMALL, progress=lambda *c: calls.append(c), workers=2)
    names = class_names("easy")
    assert calls[-1] == (24, 24)
    assert sorted(p.name for p in (root / "train").iterdir()) == list(names)
    assert len(list(root.rglob("*.mp4"))) == 24
    path = root / "test" / "open" / "open_0000.mp4"
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    with VideoReader(path) as reader:
        assert reader.num_frames == 6
        assert reader.fps == 12
        got = reader.read(range(6)).frames.permute(0, 2, 3, 1).numpy().astype(int)
    want = render_motion("open", seed=(0, 1, names.index("open"), 0), num_frames=6, size=32)
    assert np.abs(got - want).mean() < 8
    shifted = render_motion("open", seed=(0, 0, names.index("open"), 0), num_frames=6, size=32)
    assert np.abs(got - shifted).mean() > 8, "test clips must not be training clips"
    again = write_synthetic(tmp_path / "again", SMALL)
    for file in sorted(root.rglob("*.mp4")):
        assert file.read_bytes() == (again / file.relative_to(root)).read_bytes()


def test_a_finished_folder_is_used_and_another_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_render_all", lambda root, *_: (root / "mark").touch())
    root = write_synthetic(tmp_path / "data", SMALL)
    monkeypatch.setattr(module, "_render_all", lambda *_: pytest.fail("rendered again"))
    assert write_synthetic(root, SMALL) == root
    with pytest.raises(ValueError, match="exists and holds something else; remove it or name another folder"):
        write_synthetic(root, SyntheticMotions())


def test_an_interrupted_rendering_leaves_nothing(tmp_path, monkeypatch):
    def stop(root, *_):
        (root / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_render_all", stop)
    with pytest.raises(KeyboardInterrupt):
        write_synthetic(tmp_path / "data", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_synthetic(tmp_path / "file" / "data", SMALL)


@pytest.mark.slow
def test_processes_that_import_everything_anew_render_the_same(tmp_path):
    root, one = write_synthetic(tmp_path / "two", SMALL, workers=2), write_synthetic(tmp_path / "one", SMALL)
    for file in sorted(root.rglob("*.mp4")):
        assert file.read_bytes() == (one / file.relative_to(root)).read_bytes()


def test_a_killed_process_is_one_line_and_leaves_nothing(tmp_path, forked, monkeypatch):
    monkeypatch.setattr(module, "write_video", lambda *_, **__: os.kill(os.getpid(), 9))
    with pytest.raises(UserError, match="a process that rendered clips was killed"):
        write_synthetic(tmp_path / "data", SMALL, workers=2)
    assert list(tmp_path.iterdir()) == []
