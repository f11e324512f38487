"""Results that go when what they are of is changed."""

import gradio as gr
import pytest

from videomamba.app.cleared import Latest, Results, clear_when_changed, cleared_if_refused, while_latest
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


def test_work_ends_once_there_is_a_later_number():
    begun, ended, latest = [], [], Latest()

    def steps(name):
        begun.append(name)
        try:
            yield f"{name} begins"
            yield f"{name} ends"
        finally:
            ended.append(name)

    work = while_latest(steps, lambda cleared: "cleared" if cleared else "unchanged")
    assert list(work(None, latest, "a")) == ["a begins", "a ends"]
    latest.number = 1
    going = work(1, latest, "b")
    assert next(going) == "b begins"
    assert list(work(1, latest, "twice")) == ["unchanged"]  # the button was pressed again
    latest.number = 2
    assert list(going) == ["cleared"]
    assert list(work(1, latest, "late")) == ["cleared"]
    for number, name in ((2, "c"), (3, "d")):  # of the last clearing; and of one that the server will hear of
        assert list(work(number, latest, name)) == [f"{name} begins", f"{name} ends"]
    old = work(3, latest, "e")
    next(old)
    latest.number = 4
    assert list(work(4, latest, "f")) == ["f begins", "f ends"]
    assert list(old) == ["unchanged"]  # what newer work has said stays
    assert list(work(4, latest, "f")) == ["f begins", "f ends"], "the same is done again after it has ended"
    assert begun == ["a", "b", "c", "d", "e", "f", "f"]
    assert sorted(ended) == sorted(begun)


def test_the_browser_clears_once_per_value_and_the_server_hears_of_it(browser):
    with gr.Blocks() as demo:
        of, table, asked, state = gr.Textbox(), gr.Dataframe(headers=["a"]), gr.Number(), gr.State()
        hidden = gr.Plot()
        left = {table: [], hidden: gr.update(visible=False), state: None}
        clear_when_changed([of], Results([table, hidden, state], lambda: left, asked))
    in_browser, on_server = demo.fns.values()
    page = browser.new_page()
    cleared = f"([seen, of]) => ({in_browser.js})(seen, of)"
    number, again, data, plot, seen = page.evaluate(cleared, ["", "x"])
    assert number == again > 1e12
    assert data == {"headers": ["a"], "data": [], "metadata": None}
    assert plot == {"__type__": "update", "visible": False}
    assert page.evaluate(cleared, [seen, "x"]) is None
    assert page.evaluate(cleared, [seen, "y"])[-1] != seen
    page.close()
    latest = Latest()
    assert on_server.fn(5, latest) is None
    assert latest.number == 5
    latest.begun["newer work"] = 6
    assert on_server.fn(6, latest) == gr.skip()
    assert on_server.fn(4, latest) == gr.skip()
    assert latest.number == 6
