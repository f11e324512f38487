"""What a long video really shows, by a file."""

import pytest

from tests.data.videos import numbered_frames, write
from videomamba.errors import UserError
from videomamba.inference.truth import read_truth


@pytest.fixture
def film(tmp_path):
    return write(tmp_path / "film.mp4", numbered_frames(50), fps=10)


def test_a_table_of_stretches(film, tmp_path):
    (tmp_path / "t.csv").write_text('start_s,end_s,label\n2,5,b\n0,2,"a, a"\n')
    assert read_truth(tmp_path / "t.csv", film) == [("a, a", 0, 2), ("b", 2, 5)]


def test_one_label_per_frame(film, tmp_path):
    (tmp_path / "t.txt").write_text("a\n" * 20 + "b\n" * 31)  # one more than there are frames
    assert read_truth(tmp_path / "t.txt", film) == [
        ("a", 0, pytest.approx(2)),
        ("b", pytest.approx(2), pytest.approx(5)),
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.csv", "start_s,end_s,label\n0,x,a\n", "t.csv, line 2: from '0' to 'x' is no stretch in seconds"),
        ("t.csv", "start_s,end_s,label\n3,2,a\n", "line 2: from '3' to '2'"),
        ("t.csv", "start_s,end_s,label\n0,inf,a\n", "line 2: from '0' to 'inf'"),
        ("t.csv", "start_s,end_s\n0,1\n", "has no column 'label'"),
        ("t.txt", "a\n" * 200, "t.txt has 200 labels, the video has 50 frames"),
        ("t.json", "{}", "t.json: give a .csv with the columns start_s, end_s, label, or a .txt"),
    ],
)
def test_mistakes(film, tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match="(?s)" + said.replace(".", r"\.")):
        read_truth(tmp_path / name, film)
