"""Action detection by the commands: train, evaluate, detect, score."""

import csv
import inspect
import json
import os
import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from videomamba.cli.main import main
from videomamba.data import VideoReader
from videomamba.models import object_detector
from videomamba.recipes import RECIPES
from videomamba.tables import write_csv_lines

ROOT = Path(__file__).resolve().parents[2]

CPU = ("--device", "cpu")

KEYFRAMES = ("--data-option", "keyframes=even:4")


def test_training_learns_the_colours(ava_run, ava):
    rows = list(csv.DictReader((ava_run / "metrics.csv").open()))
    assert len(rows) == 6
    assert float(rows[-1]["mAP"]) > 0.9
    config = json.loads((ava_run / "config.json").read_text())
    assert config["task"] == "detection"
    assert config["data"]["options"] == {"keyframes": "even:4"}
    assert config["model"]["name"] == "videomamba_nano_detector", "the detector of the named model"
    assert len(list(csv.DictReader((ava_run / "splits.csv").open()))) == 9 * 4


def test_the_recipes_commands_run(ava, trained, tmp_path, capsys):
    """Those of its docstring, on a miniature: from a recognition checkpoint with detected boxes, and from nothing."""
    commands = re.findall(r"``(videomamba train ava [^`]+)``", inspect.getdoc(RECIPES["ava"]))
    assert len(commands) == 2
    for part in ("train", "val"):  # a detector finds the boxes, a little off, and something that is none
        rows = list(csv.reader((ava / f"ava_{part}_v2.2.csv").open()))
        found = [f"{r[0]},{r[1]},{','.join(r[2:5])},{float(r[5]) - 0.01:.4f},,0.9\n" for r in rows]
        (tmp_path / f"{part}.csv").write_text("".join(found) + "clip0,0001,0,0,0.1,0.1,,0.95\n")
    places = {"DIR": str(ava), "CHECKPOINT": str(trained), "keyframes=even:22": "keyframes=even:4"}
    small = ("--size", "32", "--frames", "4", "--stride", "1", "--epochs", "1", "--batch-size", "16")
    for number, command in enumerate(commands):
        words = [places.get(word, word) for word in shlex.split(command)[1:]]
        words = [word.replace("A.csv", str(tmp_path / "train.csv")) for word in words]
        words = [word.replace("B.csv", str(tmp_path / "val.csv")) for word in words]
        if number == 0:
            words += ["keyframes=even:4", "--model", "videomamba_nano"]
        out = tmp_path / str(number)
        assert main([*words, *small, *CPU, "--workers", "0", "--output", str(out), "--json"]) == 0
        assert 0 <= json.loads(capsys.readouterr().out)["last"]["mAP"] <= 1
        assert list(csv.DictReader((out / "metrics.csv").open()))[-1]["step"] == "2", "24 keyframes in batches of 16"
    described = json.loads((tmp_path / "0" / "last" / "config.json").read_text())
    assert described["source"].startswith("fine-tuned (ava) from")


@pytest.mark.slow
def test_two_processes_count_each_keyframe_once(ava_run, ava, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    for file in ava.iterdir():
        (tmp_path / "data" / file.name).symlink_to(file)
    held_out = tmp_path / "data" / "ava_val_v2.2.csv"
    rows = held_out.read_text().splitlines(keepends=True)[:11]  # two processes cannot share eleven equally
    held_out.unlink()
    held_out.write_text("".join(rows))
    command = ["evaluate", str(ava_run / "last"), str(tmp_path / "data"), *KEYFRAMES, *CPU, "--workers", "0", "--json"]
    assert main([*command, "--batch-size", "3"]) == 0
    alone = json.loads(capsys.readouterr().out)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launch, "-m", "videomamba.cli.main", *command, "--batch-size", "2"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    together = json.loads(done.stdout)
    assert together["count"] == alone["count"] == 11
    assert together["AP"] == pytest.approx(alone["AP"], abs=1e-6)


def test_detect_draws_and_writes_what_it_sees(ava_run, ava, tmp_path, capsys):
    out, scores = tmp_path / "out.mp4", tmp_path / "out.csv"
    command = ["detect", str(ava / "clip7.mp4"), "--checkpoint", str(ava_run / "last"), *CPU, "--out", str(out)]
    boxes = ["--boxes", str(ava / "ava_val_v2.2.csv"), "--keyframes", "even:4", "--csv", str(scores)]
    labels = ["--label-map", str(ava / "ava_action_list_v2.2.pbtxt")]
    assert main([*command, *boxes, *labels, "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert [k["timestamp"] for k in result["keyframes"]] == [1, 2, 3, 4]
    best = [k["boxes"][0]["actions"][0] for k in result["keyframes"]]
    assert {action["label"] for action in best} == {"glow green"}
    rows = list(csv.reader(scores.open()))
    assert len(rows) == 4 * 3
    assert {row[6] for row in rows} == {"1", "2", "5"}, "the label map's numbers"
    top = max(rows, key=lambda row: float(row[7]))
    assert (top[0], top[6]) == ("clip7", "2")
    assert float(top[7]) == pytest.approx(max(a["probability"] for a in best), abs=1e-5)
    with VideoReader(out) as drawn, VideoReader(ava / "clip7.mp4") as plain:
        assert drawn.num_frames == plain.num_frames == 16
        difference = (drawn.read([6]).frames.float() - plain.read([6]).frames.float()).abs()
    assert difference.amax() > 60, "a box is drawn"
    assert difference.median() < 8, "and the rest is the picture"


def test_detect_without_boxes_finds_them_or_says_which_file_to_give(ava_run, ava, tmp_path, monkeypatch, capsys, fails):
    video = ava / "clip7.mp4"

    class Finds:
        def __init__(self, category, *, threshold, device):
            assert (category, threshold) == ("bird", 0.8)

        def __call__(self, frame):
            assert frame.shape == (3, 48, 72)
            return [((0.1, 0.1, 0.6, 0.9), 0.95)]

    command = ["detect", str(video), "--checkpoint", str(ava_run / "last"), *CPU, "--out", str(tmp_path / "out.mp4")]
    with monkeypatch.context() as patch:
        patch.setattr(object_detector, "ObjectDetector", Finds)
        assert main([*command, "--category", "bird", "--every", "0.5", "--json"]) == 0
        frames = [k["frame"] for k in json.loads(capsys.readouterr().out)[0]["keyframes"]]
        assert frames == [0, 4, 8, 12], "every half second of 8 frames a second"

    def no_network(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    line = fails(*command)
    assert "give --boxes BOXES.csv, or put https://" in line
    assert "fasterrcnn_resnet50_fpn_v2_coco" in line
    assert "unknown category 'sofa'" in fails(*command, "--category", "sofa")


def test_mistakes_are_one_line(ava_run, ava, trained, clips, fails, tmp_path):
    boxes = ["--boxes", ava / "ava_val_v2.2.csv"]
    video = ava / "clip7.mp4"
    assert "not VideoMamba" in fails("detect", video, "--checkpoint", trained, *boxes, *CPU)
    assert "is a detector" in fails("predict", video, "--checkpoint", ava_run, *CPU)
    assert "is a recogniser: --data-option cannot be used with it" in fails("evaluate", trained, clips, *KEYFRAMES)
    line = fails("detect", ava / "clip0.mp4", "--checkpoint", ava_run, *boxes, *CPU)
    assert "no box that can be used for clip0" in line
    assert "videos clip6, clip7, clip8" in line
    detect = ("detect", video, "--checkpoint", "nowhere", *CPU)
    assert "are looked for: leave out --category, --every" in fails(
        *detect, *boxes, "--category", "person", "--every", "1"
    )
    assert "which is not given: leave out --keyframes" in fails(*detect, "--keyframes", "0:1")
    assert "which is not given: leave out --label-map" in fails(*detect, "--label-map", tmp_path / "map.pbtxt")
    assert "a video file says its own: leave out --fps" in fails(*detect, "--fps", "10")
    labels_only = tmp_path / "labels"
    labels_only.mkdir()
    (labels_only / "map.pbtxt").write_text('item { name: "a" id: 1 }')
    assert "option keyframes" in fails("train", "ava", ava, "--device", "cpu")
    assert "expected NAME=VALUE" in fails("train", "ava", ava, "--data-option", "keyframes")
    assert "has no --data-option" in fails("train", clips, *KEYFRAMES)
    assert "expected one csv such as ava_train_v2.2.csv" in fails("train", "ava", labels_only)


def test_a_pickle_becomes_a_csv_and_a_program_does_not(tmp_path, capsys, fails):
    boxes = {"vid0,0902": np.array([[0.1, 0.2, 0.3, 0.4, 0.95], [0.0, 0.0, 1.0, 1.0, 0.5]], np.float32)}
    (tmp_path / "boxes.pkl").write_bytes(pickle.dumps(boxes))
    assert main(["convert", str(tmp_path / "boxes.pkl"), str(tmp_path / "boxes.csv")]) == 0
    rows = list(csv.reader((tmp_path / "boxes.csv").open()))
    assert rows[0] == ["vid0", "0902", "0.1", "0.2", "0.3", "0.4", "", "0.95"]
    assert len(rows) == 2

    class Program:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"vid0,0902": Program()}))
    line = fails("convert", tmp_path / "evil.pkl", tmp_path / "evil.csv")
    assert "posix.mkdir" in line
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "evil.csv").exists()


@pytest.mark.parametrize("name", ["smith, john", '"quoted"'])
def test_detect_reads_what_it_wrote(ava_run, ava, tmp_path, capsys, name):
    """Names with commas and quotes; a box counts once, not once for each action."""
    video = tmp_path / f"{name}.mp4"
    video.write_bytes((ava / "clip0.mp4").read_bytes())
    write_csv_lines(tmp_path / "q.csv", [(name, 1, 0.1, 0.1, 0.9, 0.9, 1, 0.9)])
    detect = ["detect", str(video), "--checkpoint", str(ava_run), *CPU, "--out", str(tmp_path / "o.mp4")]
    assert (
        main([*detect, "--keyframes", "even:4", "--boxes", str(tmp_path / "q.csv"), "--csv", str(tmp_path / "a.csv")])
        == 0
    )
    assert (
        main([*detect, "--keyframes", "even:4", "--boxes", str(tmp_path / "a.csv"), "--csv", str(tmp_path / "b.csv")])
        == 0
    )
    assert capsys.readouterr().err.count("1 boxes in 1 keyframes") == 2
    first, second = (list(csv.reader((tmp_path / f).open(newline=""))) for f in ("a.csv", "b.csv"))
    assert first == second
    assert {row[0] for row in first} == {name}
    files = ["--ground-truth", str(tmp_path / "q.csv"), "--detections", str(tmp_path / "a.csv")]
    assert main(["score", "ava", *files, "--label-map", str(ava / "ava_action_list_v2.2.pbtxt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mAP"] == 1.0


def test_boxes_of_no_video_are_said_in_one_line(ava_run, ava, fails, tmp_path):
    (tmp_path / "q.csv").write_text("clip0,x\n")
    said = fails("detect", ava / "clip0.mp4", "--checkpoint", ava_run, *CPU, "--boxes", tmp_path / "q.csv")
    assert "it has no row of a video; the first bad one is q.csv:1: 2 columns" in said
