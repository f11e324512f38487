"""AVA: keyframes with their boxes and actions, and rows that cannot be used."""

import csv
import json
import pickle

import numpy as np
import pytest

from tests.ava_videos import ACTIONS, EVEN, KEYFRAMES, copy_of, write_ava
from videomamba.data.datasets.ava import read_ava
from videomamba.data.datasets.ava_files import read_exclusions, read_label_map


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
    assert part.notes[0] == (
        f"9 of {3 * KEYFRAMES + 9} rows of ava_train_v2.2.csv are left out: 2 unreadable, 2 with an empty box, "
        "1 with a box outside, 1 of unknown videos, 1 with a timestamp at which there is no video, "
        "1 of unknown actions, 1 without an action"
    )
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


def test_a_suffix_in_the_csv_is_no_part_of_the_name(ava, tmp_path):
    ava = copy_of(ava, tmp_path / "data")
    before = {name: part.rows(ava) for name, part in read_ava(ava, **EVEN).items()}
    for file in ava.glob("*.csv"):
        file.write_text(file.read_text().replace("clip0,", "clip0.mp4,"))
    excluded = ava / "ava_train_excluded_timestamps_v2.2.csv"
    excluded.write_text("clip0.mp4,1\n")
    after = {name: part.rows(ava) for name, part in read_ava(ava, **EVEN).items()}
    assert after["test"] == before["test"]
    assert after["train"] == [r for r in before["train"] if (r["video"], r["timestamp"]) != ("clip0", "1")]
    assert read_exclusions(excluded) == {("clip0", 1)}


def test_unreadable_videos_and_hidden_files_are_left_out(tmp_path):
    data = write_ava(tmp_path / "data", train=2, test=1)
    for file in [*data.iterdir()]:
        (data / f"._{file.name}").write_bytes(b"\0")
    (data / ".hidden").mkdir()
    next(data.glob("clip1.*")).write_bytes(b"\0" * 500)
    train = read_ava(data, **EVEN)["train"]
    assert {record.video for record in train.records} == {"clip0"}
    assert f"{KEYFRAMES} of unreadable videos" in "\n".join(train.notes)
