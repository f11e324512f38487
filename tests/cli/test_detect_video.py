"""Videos of every kind through ``videomamba detect``: when a keyframe is, where the film goes, how much it takes."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import videomamba
from tests.data.videos import forget_rate, numbered_frames, write
from videomamba.cli.main import main
from videomamba.data import VideoReader

BOX = "0.1,0.1,0.9,0.9,,0.9"
SCREEN = [i * 40 if i < 25 else 1000 + (i - 25) * 200 for i in range(50)]  # slows down after a second


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "D"
    name = "videomamba_nano_detector"
    videomamba.create_model(name, num_frames=4, img_size=32, depth=1, num_classes=3).save_pretrained(folder)
    return folder


@pytest.fixture
def detect(detector, tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder with a box at some timestamps; gives the keyframes."""
    monkeypatch.chdir(tmp_path)

    def run(video, timestamps, *options, name=None):
        rows = "".join(f"{name or Path(video).stem},{timestamp},{BOX}\n" for timestamp in timestamps)
        Path("boxes.csv").write_text(rows)
        command = ["detect", str(video), "--checkpoint", str(detector), "--boxes", "boxes.csv", "--device", "cpu"]
        assert main([*command, "--json", *options]) == 0
        out, run.said = capsys.readouterr()
        (answer,) = json.loads(out)
        return answer["keyframes"]

    return run


def test_a_varying_rate(detect, tmp_path):
    write(tmp_path / "v.mp4", numbered_frames(50), pts=SCREEN)
    keyframes = detect("v.mp4", [1, 2, 3], "--out", "o.mp4")
    assert [(k["frame"], k["seconds"]) for k in keyframes] == [(25, 1.0), (30, 2.0), (35, pytest.approx(3.0))]
    with VideoReader("o.mp4") as drawn:
        assert drawn.times.seconds.tolist() == pytest.approx([pts / 1000 for pts in SCREEN], abs=1e-3)


def test_a_rate_that_the_header_makes_up(detect, tmp_path):
    pts = [0, 16, 49, 83, 133, 166, *range(198, 198 + 54 * 33, 33)]
    path = write(tmp_path / "rec.webm", numbered_frames(50).repeat(2, 0)[: len(pts)], codec="libvpx", fps=1000, pts=pts)
    forget_rate(path)
    (keyframe,) = detect("rec.webm", [1], "--out", "o.mp4")
    assert keyframe["seconds"] == pytest.approx(1, abs=0.02)
    with VideoReader("o.mp4") as drawn:
        assert drawn.times.duration == pytest.approx(pts[-1] / 1000, abs=0.1)


@pytest.mark.parametrize("out", ["a:b.mp4", "new/folder/o.mp4", None])
def test_any_name(detect, tmp_path, out):
    write(tmp_path / "clip.mp4", numbered_frames(30)).rename(tmp_path / "10:30.mp4")
    detect("10:30.mp4", [1], *(() if out is None else ("--out", out)))
    with VideoReader(out or "10:30-actions.mp4") as drawn:
        assert drawn.num_frames == 30


def test_places_that_cannot_be_written_to_are_found_before_the_work(detector, tmp_path, fails, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "v.mp4", numbered_frames(5))
    Path("file").touch()
    command = ("detect", "v.mp4", "--checkpoint", detector, "--boxes", "none.csv")
    assert "cannot write file/o.mp4" in fails(*command, "--out", "file/o.mp4")
    assert "cannot write file/o.csv" in fails(*command, "--csv", "file/o.csv")
    assert "--out o.avi: end it in one of .mp4" in fails(*command, "--out", "o.avi")


def test_the_shape_of_pixels_is_kept(detect, tmp_path):
    with av.open(str(tmp_path / "sar.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 56, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        for _ in range(30):
            picture = av.VideoFrame.from_ndarray(np.zeros((56, 72, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    detect("sar.mp4", [1], "--out", "o.mp4")
    assert VideoReader("o.mp4").pixel_aspect == Fraction(64, 45)


def test_the_rate_of_a_folder_of_pictures(detect, tmp_path):
    (tmp_path / "film").mkdir()
    for i, frame in enumerate(numbered_frames(51)):
        Image.fromarray(frame).save(tmp_path / "film" / f"img_{i:05d}.jpg")
    (keyframe,) = detect("film", [1])
    assert keyframe["frame"] == 30
    assert "note: film: 30 pictures a second are assumed" in detect.said
    (keyframe,) = detect("film", [1], "--fps", "25")
    assert (keyframe["frame"], keyframe["seconds"]) == (25, 1.0)
    assert "assumed" not in detect.said


def test_several_videos(detector, tmp_path, monkeypatch, capsys, fails):
    """A folder and a pattern: a film each, one csv; one that is broken and one without boxes are lines."""
    monkeypatch.chdir(tmp_path)
    Path("films").mkdir()
    for name in ("a", "b", "c"):
        write(tmp_path / "films" / f"{name}.mp4", numbered_frames(30))
    Path("films/d.mp4").write_bytes(b"no video " * 100)
    Path("boxes.csv").write_text(f"a,1,{BOX}\nb,1,{BOX}\nd,1,{BOX}\n")
    command = ["--checkpoint", str(detector), "--boxes", "boxes.csv", "--device", "cpu", "--json"]
    assert main(["detect", "films", "films/[ab].mp4", *command, "--csv", "found.csv"]) == 2
    out, err = capsys.readouterr()
    answers = {Path(answer["path"]).stem: answer for answer in json.loads(out)}
    assert list(answers) == ["a", "b", "c", "d"]
    assert [answers[name]["drawn"] for name in "ab"] == ["a-actions.mp4", "b-actions.mp4"]
    assert "no box that can be used for c" in answers["c"]["error"]
    assert "films/d.mp4 is not a video" in answers["d"]["error"]
    assert [line for line in err.splitlines() if line.startswith("error: ")] == [
        f"error: {answers[name]['error']}" for name in "cd"
    ]
    assert [row.split(",")[0] for row in Path("found.csv").read_text().splitlines()] == ["a"] * 3 + ["b"] * 3
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["a-actions.mp4", "b-actions.mp4"]
    assert "is one film, and there are 4 videos" in fails("detect", "films", *command, "--out", "o.mp4")
    Path("more").mkdir()
    write(tmp_path / "more" / "a.mp4", numbered_frames(5))
    assert "would both become a-actions.mp4" in fails("detect", "films/a.mp4", "more", *command)
    assert "no video given" in fails("detect", *command)
    Path("empty").mkdir()
    assert "empty holds no video" in fails("detect", "empty", *command)


MEMORY = """
import resource, sys
from videomamba.cli.main import main
def peak(name):
    command = ["detect", f"{name}.mkv", "--checkpoint", sys.argv[1], "--boxes", f"{name}.csv", "--device", "cpu"]
    assert main([*command, "--out", f"{name}.mp4"]) == 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
small = peak("small")
print(peak("large") - small)
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", [(2160, 3840), (4320, 7680)], ids=["4K", "8K"])
def test_large_films_take_bounded_memory(detector, tmp_path, size):
    """64 frames of 4K are 1.6 GB."""
    for name, (height, width) in (("small", (216, 384)), ("large", size)):
        frames = np.broadcast_to(np.uint8(128), (40, height, width, 3))
        write(tmp_path / f"{name}.mkv", frames, codec="mjpeg", pix_fmt="yuvj420p", options={"qscale": "31"})
        (tmp_path / f"{name}.csv").write_text(f"{name},1,{BOX}\n")
    command = [sys.executable, "-c", MEMORY, str(detector)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1000, "MB more than for a small film"
