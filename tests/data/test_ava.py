"""AVA's files: keyframes, boxes, and rows that cannot be used."""

import csv
import json
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from tests.ava_videos import ACTIONS, KEYFRAMES, SIDE, SIZE, corner, write_ava
from tests.data.videos import number_of, numbered_frames
from videomamba.data.box_transforms import whole_picture_transform
from videomamba.data.datasets.ava import read_ava
from videomamba.data.datasets.ava_files import read_exclusions, read_label_map
from videomamba.data.datasets.keyframe_clips import KeyframeDataset, training_boxes
from videomamba.data.errors import VideoError
from videomamba.data.frame_folder import FrameFolder
from videomamba.data.keyframes import Keyframes, window

EVEN = {"keyframes": f"even:{KEYFRAMES}"}


@pytest.fixture(scope="module")
def ava(tmp_path_factory):
    return write_ava(tmp_path_factory.mktemp("ava") / "data", train=3, test=1)


def copy_of(ava, folder):
    """The same videos under other annotations, to change."""
    folder.mkdir()
    for file in ava.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_reads_keyframes_with_their_boxes_and_actions(ava):
    parts = read_ava(ava, **EVEN)
    train, test = parts["train"], parts["test"]
    assert train.class_names == tuple(ACTIONS)
    assert train.class_ids == (1, 2, 5)
    assert (len(train), len(test)) == (3 * KEYFRAMES, KEYFRAMES)
    assert [len(r.truth) for r in train.records] == [1] * len(train)
    assert [r.truth[0][1] for r in train.records if r.video == "clip2"] == [(2,)] * KEYFRAMES, "5 is the third class"
    assert train.rows(ava)[0] == {"video": "clip0", "timestamp": "1", "boxes": "1", "detected": "0"}
    assert not train.bad
    assert "annotated boxes" in test.notes[0], "figures on true boxes are said to be that"


def test_actions_of_one_box_are_joined(ava, tmp_path):
    data = copy_of(ava, tmp_path / "data")
    (data / "ava_train_v2.2.csv").write_text(
        "clip0,1,0,0,0.5,0.5,1,7\nclip0,1,0,0,0.5,0.5,5,7\nclip0,1,0,0,0.5,0.5,2,8\n"
    )
    (record,) = read_ava(data, **EVEN)["train"].records
    assert record.truth == (((0.0, 0.0, 0.5, 0.5), (0, 2)), ((0.0, 0.0, 0.5, 0.5), (1,)))


def test_bad_rows_are_counted_and_listed(ava, tmp_path):
    data = copy_of(ava, tmp_path / "data")
    bad = [
        ("clip0,1,0.1,0.1,1.2,0.5,1,0", "outside"),
        ("clip0,1,0.5,0.1,0.4,0.5,1,0", "x2 <= x1"),
        ("clip0,1,0.5,0.1,0.6,0.1,1,0", "empty"),
        ("nobody,1,0.1,0.1,0.5,0.5,1,0", "no video 'nobody'"),
        ("clip0,99,0.1,0.1,0.5,0.5,1,0", "timestamp 99"),
        ("clip0,1,0.1,0.1,0.5,0.5,3,0", "action 3"),
        ("clip0,1,0.1,0.1,0.5,0.5,,0", "no action"),
        ("clip0,one,0.1,0.1,0.5,0.5,1,0", "'one' is not a number"),
        ("clip0,1,0.1,0.1", "4 columns"),
    ]
    with (data / "ava_train_v2.2.csv").open("a") as file:
        file.writelines(row + "\n" for row, _ in bad)
    part = read_ava(data, **EVEN, bad_rows=tmp_path / "bad.csv")["train"]
    assert len(part) == 3 * KEYFRAMES, "the good rows stay"
    reasons = {row.line: row.reason for row in part.bad}
    for line, (_, words) in enumerate(bad, start=3 * KEYFRAMES + 1):
        assert words in reasons.pop(line)
    assert not reasons
    assert part.notes[0].startswith(f"9 of {3 * KEYFRAMES + 9} rows of ava_train_v2.2.csv are left out")
    assert len(list(csv.reader((tmp_path / "bad.csv").open()))) == 10, "a header and each of them"


def test_only_bad_rows_are_an_error_that_says_what_to_do(ava, tmp_path):
    with pytest.raises(ValueError, match=r"none of its 12 rows can be used .* option keyframes"):
        read_ava(ava)
    data = copy_of(ava, tmp_path / "data")
    (data / "ava_train_v2.2.csv").write_text("nobody,1,0,0,1,1,1,0\n")
    with pytest.raises(ValueError, match=r"none of its 1 rows .*no video 'nobody'"):
        read_ava(data, **EVEN)


def test_excluded_keyframes_are_left_out(ava, tmp_path):
    data = copy_of(ava, tmp_path / "data")
    (data / "ava_train_excluded_timestamps_v2.2.csv").write_text("clip0,0001\nclip2,4\n")
    part = read_ava(data, **EVEN)["train"]
    assert len(part) == 3 * KEYFRAMES - 2
    assert ("clip0", 1) not in {(r.video, r.timestamp) for r in part.records}
    (tmp_path / "x.csv").write_text("clip0\n")
    with pytest.raises(ValueError, match=r"x.csv:1: 1 columns"):
        read_exclusions(tmp_path / "x.csv")


def test_the_label_map_for_the_challenge_names_the_classes_that_count(ava, tmp_path):
    data = copy_of(ava, tmp_path / "data")
    (data / "ava_action_list_v2.2_for_activitynet_2019.pbtxt").write_text('item {\n  name: "glow blue"\n  id: 5\n}\n')
    part = read_ava(data, **EVEN)["test"]
    assert part.class_names == tuple(ACTIONS)
    assert part.evaluated == {2}
    (tmp_path / "l.pbtxt").write_text('item { id: 7 name: "say \\"hi\\"" } item { name: \'b\' label_id: 9 }')
    assert read_label_map(tmp_path / "l.pbtxt") == {7: 'say "hi"', 9: "b"}


@pytest.mark.parametrize("kind", ["csv", "seven", "json"])
def test_detected_boxes_above_the_threshold(ava, tmp_path, kind):
    boxes = [("clip0", 1, (0.1, 0.1, 0.5, 0.5), 0.9), ("clip0", 1, (0.2, 0.1, 0.5, 0.5), 0.7),
             ("clip1", 2, (0.0, 0.0, 1.2, 0.5), 0.9)]  # fmt: skip
    file = tmp_path / ("boxes.json" if kind == "json" else "boxes.csv")
    if kind == "json":
        content = {}
        for video, time, box, score in boxes:
            content.setdefault(f"{video},{time:04d}", []).append([*box, score])
        file.write_text(json.dumps(content))
    else:
        middle = "," if kind == "csv" else ""
        file.write_text("".join(f"{v},{t},{','.join(map(str, b))}{middle},{s}\n" for v, t, b, s in boxes))
    part = read_ava(ava, **EVEN, train_detections=file)["train"]
    detected = {(r.video, r.timestamp): r.detected for r in part.records if r.detected}
    assert detected == {("clip0", 1): (((0.1, 0.1, 0.5, 0.5), 0.9),)}
    assert part.options.train_boxes == "both"
    assert len(part.bad) == 1
    assert len(read_ava(ava, **EVEN, train_detections=file, score_threshold="0.6")["train"].records[0].detected) == 2


def test_a_pickle_is_refused_with_the_converter(ava, tmp_path):
    for name in ("boxes.pkl", "boxes.csv"):
        (tmp_path / name).write_bytes(pickle.dumps({"clip0,0001": np.zeros((1, 5))}))
        with pytest.raises(ValueError, match=r"is a pickle.*videomamba convert"):
            read_ava(ava, **EVEN, test_detections=tmp_path / name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keyframes": "even"}, "keyframes='even'"),
        ({"keyframe": "ava"}, "unknown option keyframe"),
        ({"train_boxes": "both"}, "needs train_detections"),
        ({"score_threshold": "high"}, "score_threshold='high'"),
        ({"unlabeled": "maybe"}, "choose one of negative, ignore"),
    ],
)
def test_wrong_options_are_one_line(ava, options, message):
    with pytest.raises(ValueError, match=message):
        read_ava(ava, **{**EVEN, **options})


def test_training_boxes_take_the_labels_of_what_they_overlap(ava, tmp_path):
    (record,) = [r for r in read_ava(ava, **EVEN)["train"].records if (r.video, r.timestamp) == ("clip1", 1)]
    x1, y1, x2, y2 = record.truth[0][0]
    near, far = (x1, y1, x2, y2 - 0.05), (0.9, 0.9, 1.0, 1.0)
    record = type(record)(record.video, record.timestamp, record.path, record.truth, ((near, 0.9), (far, 0.9)))
    boxes, actions = training_boxes(record, "detected", 3, unlabeled="negative")
    assert boxes.tolist() == [pytest.approx(near), pytest.approx(far)]
    assert actions.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert len(training_boxes(record, "detected", 3, unlabeled="ignore")[0]) == 1
    assert len(training_boxes(record, "both", 3, unlabeled="negative")[0]) == 3
    assert len(training_boxes(record, "truth", 3, unlabeled="negative")[0]) == 1


def test_a_timestamp_becomes_a_frame():
    ava, film = Keyframes.parse("ava"), 5400.0
    assert ava.seconds(902, film, is_folder=False) == 902
    assert ava.seconds(902, 901.5, is_folder=False) == 2, "minutes 15 to 30, cut out"
    assert ava.seconds(1798, 901.5, is_folder=True) == 898
    assert Keyframes.parse("1:0.5").seconds(3, 20, is_folder=False) == 1
    assert Keyframes.parse("even:4").seconds(4, 20, is_folder=False) == 17.5
    assert window(10, 4, 2, 100) == [6, 8, 10, 12]
    assert window(1, 4, 2, 8) == [0, 0, 1, 3]
    assert window(7, 4, 2, 8) == [3, 5, 7, 7]
    for text in ("even:0", "evenly:3", "1:-1", "x"):
        with pytest.raises(ValueError, match="give ava"):
            Keyframes.parse(text)


@pytest.mark.parametrize("name", ["img_{:05d}.jpg", "clip0_{:06d}.jpg"])
def test_a_folder_of_frames_is_a_video(tmp_path, name):
    for i, frame in enumerate(numbered_frames(20)):
        if i != 7:
            Image.fromarray(frame).save(tmp_path / name.format(i + 1), quality=95)
    with FrameFolder(tmp_path, fps=10) as folder:
        assert folder.num_frames == 20
        clip = folder.read([3, 3, 7, 19], short_side=24)
    assert [number_of(frame) for frame in clip.frames.numpy()] == [3, 3, 6, 19], "the one before stands for frame 7"
    assert clip.frames.shape[-2:] == (24, 32)
    with pytest.raises(VideoError, match="no numbered pictures"):
        FrameFolder(tmp_path.joinpath("x").mkdir() or tmp_path / "x")


def test_samples_show_the_square_in_its_box(ava):
    part = read_ava(ava, **EVEN)["train"]
    dataset = KeyframeDataset(
        part, num_frames=3, stride=1, transform=whole_picture_transform(48, (0, 0, 0), (1, 1, 1)), train=False
    )
    for index in (0, 5, 11):
        sample, record = dataset[index], part.records[index]
        assert sample["video"].shape == (3, 3, 48, 64)
        x1, y1, x2, y2 = sample["boxes"][0].round().int().tolist()
        colour = sample["video"][:, 1, y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].mean((1, 2)) * 255
        name = list(ACTIONS)[record.truth[0][1][0]]
        assert (colour - torch.tensor(ACTIONS[name])).abs().max() < 25
        frame = round((record.timestamp - 0.5) / KEYFRAMES * 16)
        left, top = corner(int(record.video[-1]), frame)
        assert sample["whole_boxes"][0].tolist() == pytest.approx(
            [left / SIZE[1], top / SIZE[0], (left + SIDE) / SIZE[1], (top + SIDE) / SIZE[0]], abs=1e-5
        )
        assert sample["actions"][0].argmax() == sample["true_labels"][0]
