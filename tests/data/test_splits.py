"""The parts of a data set by name, in the order that they are used in."""

import pytest

from videomamba.data import Annotations
from videomamba.data.splits import Splits

TRAIN, VAL, TEST = (Annotations((), (name,)) for name in ("a", "b", "c"))


def test_parts_come_by_name_and_val_only_where_there_is_one():
    assert list(Splits(TRAIN, TEST, VAL).items()) == [("train", TRAIN), ("val", VAL), ("test", TEST)]
    two = Splits(train=TRAIN, test=TEST)
    assert [name for name, _ in two.items()] == ["train", "test"]
    assert two["test"] is TEST
    with pytest.raises(KeyError):
        two["val"]
