"""Drawn text has the characters of its script, or a note says that no installed font has them."""

import warnings

import numpy as np
import pytest
from matplotlib import font_manager

from videomamba.notes import UserNote
from videomamba.viz import fonts
from videomamba.viz.boxes import DrawnBox, draw_boxes


@pytest.fixture(autouse=True)
def _fresh():
    fonts._file.cache_clear()


@pytest.mark.parametrize("text", ["naïve ñ", "Привет", "Ωμέγα", "çğş 0.93"])
def test_latin_cyrillic_and_greek_are_always_there(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        font = fonts.font_for([text], 20)
    assert "DejaVuSans" in font.path
    boxes = {bytes(font.getmask(character)) for character in set(text) - {" "}}
    assert len(boxes) == len(set(text) - {" "}), "not the same box for each"


def test_a_script_that_no_font_has_is_said(monkeypatch):
    monkeypatch.setattr(fonts, "_candidates", lambda: [])
    with pytest.warns(UserNote, match="no font that is installed has the character 手"):
        fonts.font_for(["挥手"], 20)


def test_another_font_is_looked_for(monkeypatch):
    other = str(font_manager.findfont("DejaVu Serif"))
    known = fonts._known
    monkeypatch.setattr(fonts, "_candidates", lambda: [other])
    monkeypatch.setattr(
        fonts, "_known", lambda file: known(file) | ({ord(c) for c in "挥手"} if file == other else set())
    )
    assert fonts.font_for(["挥手"], 20).path == other


def test_drawn_text_differs_by_its_letters():
    frame = np.zeros((200, 300, 3), np.uint8)
    pictures = [draw_boxes(frame, [DrawnBox((0.1, 0.1, 0.9, 0.9), [text])]) for text in ("ñ", "ж", "ω")]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])
