"""Detection in a browser."""

import json

from tests.app.browsing import attach, drop, message, opened


def test_boxes_are_drawn_on_a_film_and_those_of_another_video_are_one_line(server, browser, films, tmp_path):
    with opened(browser, server, tab="Detection") as page:
        drop(page, films / "red.mp4")
        attach(page, "Boxes (without", films / "boxes.csv")
        page.get_by_role("button", name="Find what people do").click()
        assert "has no box that can be used for red" in message(page)
        drop(page, films / "people.mp4")
        page.get_by_role("button", name="Find what people do").click()
        page.locator("#boxes video").wait_for()
        with page.expect_download() as download:
            page.locator("a[download$='.json']").last.click()
        download.value.save_as(tmp_path / "people.json")
    keyframes = json.loads((tmp_path / "people.json").read_text())["keyframes"]
    assert [keyframe["seconds"] for keyframe in keyframes] == [1.0, 2.0, 3.0]
