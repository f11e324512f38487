"""One video has one name in all of AVA's files, and what is written is read back."""

import json
import os
import pickle
import threading

import numpy as np
import pytest

from tests.ava_videos import KEYFRAMES, write_ava
from videomamba.data.datasets.ava import read_ava
from videomamba.data.datasets.ava_boxes import read_person_boxes
from videomamba.data.datasets.ava_files import read_exclusions, read_label_map, read_rows
from videomamba.data.datasets.ava_pickle import boxes_from_pickle
from videomamba.errors import UserError
from videomamba.tables import write_csv_lines

EVEN = {"keyframes": f"even:{KEYFRAMES}"}
NAMES = ["smith, john", 'the "best" day', '"quoted"', "#1 take", "two\nlines", "100 %", "caf\udce9"]


@pytest.fixture(scope="module")
def ava(tmp_path_factory):
    return write_ava(tmp_path_factory.mktemp("ava") / "data", train=2, test=1)


def test_a_suffix_in_the_csv_is_no_part_of_the_name(ava):
    before = {name: part.rows(ava) for name, part in read_ava(ava, **EVEN).items()}
    for file in ava.glob("*.csv"):
        file.write_text(file.read_text().replace("clip0,", "clip0.mp4,"))
    excluded = ava / "ava_train_excluded_timestamps_v2.2.csv"
    excluded.write_text("clip0.mp4,1\n")
    after = {name: part.rows(ava) for name, part in read_ava(ava, **EVEN).items()}
    assert after["test"] == before["test"]
    assert after["train"] == [r for r in before["train"] if (r["video"], r["timestamp"]) != ("clip0", "1")]
    assert read_exclusions(excluded) == {("clip0", 1)}


def test_unreadable_videos_and_hidden_files_are_left_out(ava, tmp_path):
    for file in ava.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
        (tmp_path / f"._{file.name}").write_bytes(b"\0")
    (tmp_path / ".hidden").mkdir()
    next(tmp_path.glob("clip1.*")).write_bytes(b"\0" * 500)
    train = read_ava(tmp_path, **EVEN)["train"]
    assert {record.video for record in train.records} == {"clip0"}
    assert f"{KEYFRAMES} of unreadable videos" in "\n".join(train.notes)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_read_as_they_are_written(tmp_path, name):
    write_csv_lines(tmp_path / "a.csv", [(name, "0001", 0.1, 0.2, 0.3, 0.4, 5, 0.5)])
    ((_, row),), bad = read_rows(tmp_path / "a.csv")
    assert (row.video, row.timestamp, row.action, bad) == (name, 1, 5, [])
    (tmp_path / "b.pkl").write_bytes(pickle.dumps({f"{name},0902": np.array([[0.1, 0.2, 0.3, 0.4, 0.9]])}))
    assert boxes_from_pickle(tmp_path / "b.pkl", tmp_path / "b.csv") == 1
    boxes, bad = read_person_boxes(tmp_path / "b.csv", threshold=0.0)
    assert boxes == {(name, 902): [((0.1, 0.2, 0.3, 0.4), 0.9)]}


def test_a_box_counts_once_with_its_highest_score(tmp_path):
    rows = [("a", 1, 0.1, 0.1, 0.9, 0.9, action, score) for action, score in ((1, 0.2), (2, 0.7), (3, 0.5))]
    write_csv_lines(tmp_path / "a.csv", [*rows, ("a", 1, 0.1, 0.1, 0.8, 0.9, 1, 0.3)])
    boxes, _ = read_person_boxes(tmp_path / "a.csv", threshold=0.25)
    assert boxes == {("a", 1): [((0.1, 0.1, 0.9, 0.9), 0.7), ((0.1, 0.1, 0.8, 0.9), 0.3)]}


def test_json_of_boxes(tmp_path):
    file = tmp_path / "a.json"
    good = {"clip0.mp4,0902": [[0.1, 0.2, 0.3, 0.4, 0.9]]}
    file.write_bytes(json.dumps(good).encode("utf-8-sig"))
    assert read_person_boxes(file, threshold=0.0)[0] == {("clip0", 902): [((0.1, 0.2, 0.3, 0.4), 0.9)]}
    odd = [
        '"01234"',
        "[NaN, 0, 1, 1, 1]",
        "[0, 0, 1]",
        "[0, 0, 1, 1, 1, 1]",
        "[0, 0, 1, 1e999, 1]",
        "null",
        "[true, 0, 1, 1]",
    ]
    file.write_text(f'{{"a,1": [{", ".join(odd)}]}}')
    boxes, bad = read_person_boxes(file, threshold=0.0)
    assert (boxes, len(bad)) == ({}, len(odd))


def test_boxes_from_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("a,1,0.1,0.1,0.9,0.9,,0.9\n"))
    writer.start()
    assert list(read_person_boxes(pipe, threshold=0.0)[0]) == [("a", 1)]
    writer.join()


@pytest.mark.parametrize(
    ("content", "said"),
    [({"a": [[0.1] * 5]}, "expected 'video,timestamp'"), ({"a,1": 5}, "has no list of boxes"), ([1], "holds a list")],
)
def test_pickles_of_something_else(tmp_path, content, said):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=said):
        boxes_from_pickle(tmp_path / "a.pkl", tmp_path / "a.csv")


def test_label_maps_as_protocol_buffers_write_them(tmp_path):
    file = tmp_path / "a.pbtxt"
    file.write_text(
        'item {\n  name: "ru\\303\\251 {x}"  # a comment with } and "\n  id: 1\n}\n'
        'label { name: \'it\\\'s \\"this\\"\' label_id: 2 label_type: PERSON_MOVEMENT }\nitem{id:3,name:"a\\\\b"}\n'
    )
    assert read_label_map(file) == {1: "rué {x}", 2: 'it\'s "this"', 3: "a\\b"}
    for text, said in (
        ('item { name: "a" id: 1 } item { name: "b" id: 1 }', "id 1 is there twice"),
        ('item { name: "a" }', "has name .a. and id None"),
        ('item { display_name: "a" id: 1 }', "has name None and id 1"),
    ):
        file.write_text(text)
        with pytest.raises(UserError, match=said):
            read_label_map(file)
