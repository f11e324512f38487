"""Boxes in a pickle: read as numbers, or refused."""

import pickle

import pytest

from videomamba.data.datasets.ava_pickle import boxes_from_pickle
from videomamba.errors import UserError


@pytest.mark.parametrize(
    ("content", "said"),
    [({"a": [[0.1] * 5]}, "expected 'video,timestamp'"), ({"a,1": 5}, "has no list of boxes"), ([1], "holds a list")],
)
def test_pickles_of_something_else(tmp_path, content, said):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=said):
        boxes_from_pickle(tmp_path / "a.pkl", tmp_path / "a.csv")
