"""Delta maps in a browser, and what is drawn of them."""

import numpy as np
import pytest
import torch

from tests.app.browsing import clear, drop, message, opened, stop_endless
from tests.app.readable import assert_readable
from videomamba.data.reader import VideoReader

TAB = "What it looks at"


@pytest.fixture
def look(server, films):
    from videomamba.app.delta_tab import look_at

    name = next(iter(server.setup.with_steps))
    return look_at(server.setup, name, str(films / "red.mp4"))


def test_the_film_follows_the_sliders_and_a_click_moves_the_place(server, browser, films, monkeypatch):
    from videomamba.app import delta_tab

    with opened(browser, server, tab=TAB) as page:
        page.get_by_role("button", name="Show what it looks at").click()
        assert "there is no video yet" in message(page)
        drop(page, films / "red.mp4")
        stop_endless(page, monkeypatch, delta_tab, "write_overlay", "Show what it looks at", step=1)
        picture, film = page.locator("#moment img"), page.locator("#overlay video")
        picture.wait_for(state="detached")
        assert film.count() == 0
        page.get_by_role("button", name="Show what it looks at").click()
        film.wait_for()
        picture.wait_for()
        before, drawn = film.evaluate("film => film.currentSrc"), picture.get_attribute("src")
        page.get_by_label("number input for Layer").fill("0")
        new = "old => ![old, '', undefined].includes(document.querySelector('#overlay video')?.currentSrc)"
        page.wait_for_function(new, arg=before)
        redrawn = "old => (i => i?.complete && i.naturalWidth && i.src !== old)(document.querySelector('#moment img'))"
        page.wait_for_function(redrawn, arg=drawn)  # no click is heard while it is exchanged
        assert_readable(page)
        box = picture.bounding_box()
        picture.click(position={"x": 0.9 * box["width"], "y": 0.1 * box["height"]})
        page.wait_for_function(
            "() => document.querySelector('[aria-label=\"number input for Row of the place\"]').value === '0'"
        )
        assert page.get_by_label("number input for Column of the place").input_value() == "3"
        clear(page)
        picture.wait_for(state="detached")
        film.wait_for(state="detached")


def test_a_look_has_the_models_maps_and_their_times(look, server, films):
    from videomamba.data import load_clip

    model = next(iter(server.setup.with_steps.values()))
    clip = load_clip(films / "red.mp4", model.preprocessing)
    with torch.inference_mode():
        assert torch.equal(look.maps, model.delta_maps(clip.video[None])[0])
    assert look.grid == (4, 4)
    assert len(look.steps) == len(look.film.frames) == len(look.film.seconds)
    assert sorted(set(look.steps)) == [0, 1]
    assert look.seconds == pytest.approx((0.0, 0.2))


def test_opacity_nothing_is_the_grey_frame(look, server, tmp_path, monkeypatch):
    from videomamba.app.delta_tab import moment_picture, write_overlay

    picture = moment_picture(look, 0, "both", "shared", 0.0, 0, 0, 0)
    inside = picture[picture.shape[0] // 2 :]
    assert np.ptp(inside.astype(int), axis=2).max() == 0, "no colour"
    coloured = moment_picture(look, 0, "both", "layer", 1.0, 0, 0, 0)
    assert np.ptp(coloured[coloured.shape[0] // 2 :].astype(int), axis=2).max() > 20
    with VideoReader([*write_overlay(look, 1, "forward", "layer", 0.5)][-1]) as reader:
        assert reader.num_frames == len(look.steps)
        assert reader.times.duration == pytest.approx(len(look.steps) / 10, abs=0.02)
