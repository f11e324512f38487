"""Results that go when what they are of is changed."""

import gradio as gr
import pytest

from videomamba.app.cleared import Latest, cleared_if_refused, while_latest
from videomamba.errors import UserError


def test_what_is_refused_leaves_nothing():
    @cleared_if_refused(lambda: {"said": ""})
    def work(kind):
        yield {"said": "reading"}
        raise kind("bad")

    steps = work(UserError)
    assert [next(steps), next(steps)] == [{"said": "reading"}, {"said": ""}]
    with pytest.raises(UserError, match="bad"):
        next(steps)
    with pytest.raises(KeyError):
        list(work(KeyError))


def test_work_says_nothing_once_there_is_a_later_number():
    begun, ended, latest = [], [], Latest()

    def steps(name):
        begun.append(name)
        try:
            yield f"{name} begins"
            yield f"{name} ends"
        finally:
            ended.append(name)

    work = while_latest(steps, outputs=2)
    assert list(work(None, latest, "a")) == ["a begins", "a ends"]
    latest.number = 1
    going = work(1, latest, "b")
    assert next(going) == "b begins"
    latest.number = 2
    unchanged = [[gr.skip(), gr.skip()]]
    assert list(going) == unchanged
    assert list(work(1, latest, "c")) == unchanged
    for number, name in ((2, "d"), (3, "e")):  # of the last clearing; and of one that the server will hear of
        assert list(work(number, latest, name)) == [f"{name} begins", f"{name} ends"]
    assert begun == ended == ["a", "b", "d", "e"]
