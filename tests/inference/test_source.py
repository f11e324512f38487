"""Sources: whatever is named becomes single videos, and each a model's input."""

import io
from pathlib import Path

import pytest
import torch

from tests.data.server import served
from videomamba.data import VideoError
from videomamba.errors import UserError
from videomamba.inference.source import as_file, file_stem, model_input, name_of, one_source, single_sources
from videomamba.notes import UserNote
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


def test_names_of_files():
    assert file_stem(Path("a/b.c.mp4")) == "b.c"
    assert file_stem("-") == "stdin"
    assert file_stem("camera:0") == "camera-0"
    assert file_stem("rtsp://10.0.0.1:554/live?user=x") == "rtsp-10-0-0-1-554-live"


def names(found, root):
    return [str(item.relative_to(root)) if isinstance(item, Path) else item for item in found]


@pytest.fixture
def tree(tmp_path):
    for name in ("a/1.mp4", "a/2.MKV", "a/notes.txt", "b/3.mp4", "4.mp4", "clips[1].mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_patterns_lists_and_what_is_opened_once(tree):
    assert names(single_sources(str(tree / "*" / "*.mp4")), tree) == ["a/1.mp4", "b/3.mp4"]
    assert names(single_sources(str(tree / "clips[1].mp4")), tree) == ["clips[1].mp4"], "a file of that name"
    (tree / "list.txt").write_text("4.mp4\n\nrtsp://cam/1\n b \n")
    assert names(single_sources(tree / "list.txt"), tree) == ["4.mp4", "rtsp://cam/1", "b/3.mp4"]
    (tree / "odd.txt").write_text("4.mp4\nclips[2].mp4\n")
    assert names(single_sources(tree / "odd.txt"), tree) == ["4.mp4", "clips[2].mp4"], "a name in a list is no pattern"
    (tree / "list.csv").write_text("label,path\nrun,a/1.mp4\nrun,4.mp4\n")
    assert names(single_sources(str(tree / "list.csv")), tree) == ["a/1.mp4", "4.mp4"]
    assert list(single_sources(["-", "camera:0", "http://x/a.mp4"])) == ["-", "camera:0", "http://x/a.mp4"]
    (tree / "self.txt").write_text("self.txt\n")
    assert names(single_sources(tree / "self.txt"), tree) == ["self.txt"], "no list within a list"


def test_what_a_folder_holds_beside_its_videos_is_said(tree):
    with pytest.warns(UserNote, match=r"1 file with other suffixes \(.txt 1\) is left out in .*/a"):
        assert len(list(single_sources(tree / "a"))) == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("a.txt", "\n\n", "a.txt names no video"),
     ("a.csv", "file,label\nx,y\n", "a.csv has no column 'path'; it has file"),
     ("a.csv", "", "a.csv has no column 'path'; it has no header"), ("*.mov", None, "matches no file"),
     ("gone.txt", None, "gone.txt cannot be read: No such file")],
)  # fmt: skip
def test_lists_and_patterns_of_nothing(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        list(single_sources(str(tmp_path / name)))


def test_one_source(tree):
    assert one_source(tree / "4.mp4") == tree / "4.mp4"
    assert one_source(str(tree / "b")) == tree / "b/3.mp4"
    with pytest.raises(UserError, match="has 2 videos; give one"):
        one_source(tree / "a")


def test_a_whole_video_of_a_server(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(range(256)) * 9)
    with served(file, "length") as server, as_file(server.url) as path:
        assert path.read_bytes() == file.read_bytes()
    with served(file, "chunked") as server, pytest.raises(UserError, match="has no length, and this"):
        as_file(server.url).__enter__()
    with served(file, "cut") as server, pytest.raises(VideoError, match="the connection ended 1152 bytes early"):
        as_file(server.url).__enter__()
    with pytest.raises(VideoError, match=r"cannot be downloaded: .*Connection refused"):
        as_file(server.url).__enter__()


@pytest.mark.parametrize("source", ["-", "camera:0", "rtsp://127.0.0.1/x"])
def test_what_has_no_length_is_refused_where_a_whole_video_is_needed(source):
    with pytest.raises(UserError, match=f"{source} has no length, and this needs a whole video: `videomamba timeline`"):
        model_input(source, PLAIN)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/my clip.mp4", "http://127.0.0.1:abc/x.mp4", "http://[::1/x.mp4"])
def test_an_odd_address_is_an_error_of_that_video(url):
    with pytest.raises(VideoError, match="cannot be downloaded"), as_file(url):
        pass
