"""Errors and notes, as the page shows them."""

import warnings

import gradio as gr
import pytest

from videomamba.app import answers
from videomamba.app.answers import friendly, show_notes, shown
from videomamba.errors import UserError
from videomamba.notes import UserNote


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def test_messages_name_uploads_without_their_folder_and_are_no_html(folder):
    assert shown(f"{folder}/0af3/a.mp4 is not a video") == "a.mp4 is not a video"
    assert shown("/data/<b>.mp4 & more\udce9") == "/data/&lt;b&gt;.mp4 &amp; more\ufffd"


def test_errors_of_users_become_one_line_and_bugs_stay():
    @friendly
    def call(kind):
        raise kind("bad")

    @friendly
    def steps(kind):
        yield 1
        raise kind("bad")

    with pytest.raises(gr.Error, match="bad") as error:
        call(UserError)
    assert not error.value.print_exception
    with pytest.raises(gr.Error, match="bad"):
        list(steps(UserError))
    for function in (call, lambda kind: list(steps(kind))):
        with pytest.raises(KeyError):
            function(KeyError)


def test_a_step_says_again_what_those_before_have_said():
    @friendly
    def steps():
        yield {"label": None, "said": "reading"}
        yield {"label": "red"}
        yield {"said": "done"}

    assert list(steps())[1:] == [{"label": "red", "said": "reading"}, {"label": "red", "said": "done"}]


def test_a_note_is_shown_each_time(monkeypatch):
    seen = []
    monkeypatch.setattr(answers.gr, "Info", lambda text, title: seen.append((title, text)))
    with warnings.catch_warnings():
        show_notes()
        for _ in range(2):
            warnings.warn(UserNote("assumed"), stacklevel=1)
        warnings.warn("of another library", stacklevel=1)
    assert seen == [("Note", "assumed")] * 2
