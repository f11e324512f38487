"""Detection in a browser."""

import json

from tests.app.browsing import attach, clear, drop, message, opened, stop_endless
from tests.app.readable import assert_readable


def test_boxes_are_drawn_on_a_film(server, browser, films, tmp_path, monkeypatch):
    from videomamba.app import detect_tab

    with opened(browser, server, tab="Detection") as page:
        attach(page, "Boxes (without", films / "boxes.csv")
        drop(page, films / "red.mp4")
        page.get_by_role("button", name="Find what people do").click()
        assert "has no box that can be used for red" in message(page)
        drop(page, films / "people.mp4")
        stop_endless(page, monkeypatch, detect_tab, "found", "Find what people do", step="half way")
        page.get_by_role("button", name="Find what people do").click()
        film = page.locator("#boxes video")
        film.wait_for()
        page.get_by_text("people.mp4: actions of at least 50 % are drawn").wait_for()
        assert_readable(page)
        with page.expect_download() as download:
            page.locator("a[download$='.json']").last.click()
        download.value.save_as(tmp_path / "people.json")
        clear(page)
        film.wait_for(state="detached")
    keyframes = json.loads((tmp_path / "people.json").read_text())["keyframes"]
    assert [keyframe["seconds"] for keyframe in keyframes] == [1.0, 2.0, 3.0]
