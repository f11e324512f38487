"""Boxes of people from csv and json, whatever program wrote them."""

import json
import os
import pickle
import threading

import numpy as np
import pytest

from videomamba.data.datasets.ava_boxes import read_person_boxes
from videomamba.data.datasets.ava_files import read_rows
from videomamba.data.datasets.ava_pickle import boxes_from_pickle
from videomamba.tables import write_csv_lines

NAMES = ["smith, john", 'the "best" day', '"quoted"', "#1 take", "two\nlines", "100 %", "caf\udce9"]


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
