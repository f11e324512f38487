"""Sources: whatever is named becomes single videos, and each a model's input."""

import io
from pathlib import Path

import pytest
import torch

from videomamba.errors import UserError
from videomamba.inference.source import as_file, model_input, name_of, single_sources
from videomamba.preprocessing import Preprocessing

PLAIN = Preprocessing(num_frames=2, stride=1, size=(4, 4), mean=(0, 0, 0), std=(1, 1, 1))


def test_folders_and_lists_are_single_videos(tmp_path):
    for name in ("a/1.mp4", "a/2.mp4", "b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    frames = torch.zeros(2, 3, 4, 4)
    found = list(single_sources([tmp_path / "a", [str(tmp_path / "b.mp4"), b"bytes"], frames]))
    assert found[:3] == [tmp_path / "a/1.mp4", tmp_path / "a/2.mp4", tmp_path / "b.mp4"]
    assert found[3] == b"bytes"
    assert found[4] is frames, "a tensor is one source, not a list of frames"


def test_bytes_and_file_objects_become_files_that_vanish(tmp_path):
    for source in (b"x" * 5, io.BytesIO(b"x" * 5)):
        with as_file(source) as path:
            assert path.read_bytes() == b"x" * 5
        assert not path.exists()
    with as_file(tmp_path) as path:
        assert path == tmp_path


def test_names_for_messages():
    assert name_of(Path("a.mp4")) == "a.mp4"
    assert name_of(b"12345") == "<5 bytes>"
    assert name_of(torch.zeros(2, 3)) == "<tensor of shape (2, 3)>"
    assert name_of(io.BytesIO()) == "<file object>"


def test_frames_are_sampled_and_prepared_clips_are_taken_as_they_are():
    """Six frames of constant brightness 0, 51, ..., 255: the central two are 2 and 3 of them, 0.4 and 0.6."""
    frames = (torch.arange(6) * 51).to(torch.uint8)[:, None, None, None].expand(6, 3, 4, 4)
    clip = model_input(frames, PLAIN)
    assert clip.shape == (1, 3, 2, 4, 4)
    assert clip[0, 0, :, 0, 0].tolist() == pytest.approx([0.4, 0.6])
    assert len(model_input(frames, PLAIN, num_clips=3)) == 3
    ready = torch.rand(3, 2, 4, 4)
    assert torch.equal(model_input(ready, PLAIN), ready[None])
    assert torch.equal(model_input(ready[None].double(), PLAIN), ready[None])


@pytest.mark.parametrize(
    "tensor", [torch.zeros(2, 4, 4), torch.zeros(2, 2, 4, 4), torch.zeros(0, 3, 4, 4, dtype=torch.uint8)]
)
def test_other_tensors_are_refused(tensor):
    with pytest.raises(UserError, match=r"give frames \(T, 3, H, W\) uint8, or prepared"):
        model_input(tensor, PLAIN)
