"""Frame labels in files of both forms, paired with their ground truth."""

import pytest

from videomamba.data.datasets.mstcn_labels import few, paired_labels, read_labels
from videomamba.errors import UserError


def write(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def test_a_label_a_line_or_all_in_one_line(tmp_path):
    write(tmp_path, lines="pour\nstir tea\n\n", results="### Frame level recognition: ###\npour pour stir\n", none="")
    assert read_labels(tmp_path / "lines") == ["pour", "stir tea"]
    assert read_labels(tmp_path / "results") == ["pour", "pour", "stir"]
    assert read_labels(tmp_path / "none") == []
    (tmp_path / "lines").write_text("pour\n\nstir\n")
    with pytest.raises(UserError, match="line 2 has no label"):
        read_labels(tmp_path / "lines")


def test_few_are_32_frames_or_2_percent_of_the_longer():
    assert few(100, 132)
    assert not few(100, 133)
    assert few(5000, 4900)
    assert not few(5000, 4899)


def test_pairs_are_cut_to_the_shorter_and_say_so(tmp_path):
    truth = write(tmp_path / "truth", **{"a.txt": "x\nx\ny\n", "b.txt": "x\n", "c.txt": "y\n"})
    found = write(tmp_path / "found", **{"a": "x\ny\n", "b": "", ".hidden": "x\n"})
    pairs, notes = paired_labels(truth, found)
    assert pairs == {"a": (["x", "x"], ["x", "y"]), "b": (["x"], [])}
    assert [note.rpartition("/")[2] for note in notes[:2]] == [
        "a has 2 labels, its ground truth 3: scored the first 2",
        "b is empty: all of its 1 frames count as wrong",
    ]
    assert "1 of the 3 videos" in notes[2]


def test_what_cannot_be_paired(tmp_path):
    truth = write(tmp_path / "truth", **{"a.txt": "x\n"})
    found = write(tmp_path / "found", **{"a.txt": "x\n" * 40})
    with pytest.raises(UserError, match="40 labels, its ground truth 1; is it of another frame rate"):
        paired_labels(truth, found)
    write(found, a="x\n")
    with pytest.raises(UserError, match=r"has both a and a\.txt; remove one"):
        paired_labels(truth, found)
    with pytest.raises(UserError, match=r"1 videos that .* does not know, the first z"):
        paired_labels(truth, write(tmp_path / "other", z="x\n"))
    with pytest.raises(UserError, match="nowhere is not a folder"):
        paired_labels(truth, tmp_path / "nowhere")
