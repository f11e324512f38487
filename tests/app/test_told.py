"""Work that can be left early."""

import threading

import pytest

from videomamba.app.told import told
from videomamba.errors import UserError


def test_words_come_as_they_are_said_and_errors_at_last():
    def work(tell):
        tell("one")
        tell("two")
        raise UserError("bad")

    steps = told(work)
    assert [next(steps), next(steps)] == ["one", "two"]
    with pytest.raises(UserError, match="bad"):
        next(steps)


def test_what_is_left_ends_where_it_speaks_next():
    ended, said = threading.Event(), []

    def work(tell):
        try:
            for i in range(10_000_000):
                tell(str(i))
                said.append(i)
        finally:
            ended.set()

    steps = told(work)
    assert next(steps) == "0"
    steps.close()
    assert ended.is_set()
    assert len(said) < 10_000_000
