"""Timelines in a browser."""

import csv
import json

from tests.app.browsing import attach, clear, drop, opened, show, stop_endless
from tests.app.readable import assert_readable


def test_a_timeline_is_stopped_grows_and_a_click_jumps(server, browser, films, tmp_path, monkeypatch):
    from videomamba.app import timeline_tab

    with opened(browser, server, tab="Timeline") as page:
        drop(page, films / "long.mp4")
        step = {"picture": None, "axis": timeline_tab.TimeAxis(0, 1, 1), "said": "half way"}
        stop_endless(page, monkeypatch, timeline_tab, "grown", "Make the timeline", step=step)
        attach(page, "What is really shown", films / "truth.csv")
        page.get_by_role("button", name="Make the timeline").click()
        page.get_by_text("scores of 11.9 s").wait_for()
        assert_readable(page)
        picture = page.locator("#timeline img")
        box = picture.bounding_box()
        picture.click(position={"x": 0.75 * box["width"], "y": 0.4 * box["height"]})
        page.wait_for_function("() => document.querySelector('#video video').currentTime > 6")
        assert page.evaluate("document.querySelector('#video video').currentTime") < 11
        with page.expect_download() as of_csv:
            page.locator("a[download$='.csv']").last.click()
        with page.expect_download() as of_json:
            page.locator("a[download$='.json']").last.click()
        of_csv.value.save_as(tmp_path / "long.csv")
        of_json.value.save_as(tmp_path / "long.json")
        clear(page)
        picture.wait_for(state="detached")
        page.get_by_text("scores of").wait_for(state="detached")
        assert page.locator("a[download$='.json']").count() == 0
        show(page, "Recognize")  # and the page goes on
    rows = list(csv.DictReader((tmp_path / "long.csv").open()))
    assert [rows[i]["label"] for i in (0, len(rows) // 2, -1)] == ["red", "green", "blue"]
    spans = json.loads((tmp_path / "long.json").read_text())["spans"]
    assert [span["label"] for span in spans] == ["red", "green", "blue"]


def test_the_axis_of_time():
    from videomamba.app.pictures import TimeAxis

    axis = TimeAxis(100, 900, 80.0)
    assert [axis.seconds(column) for column in (0, 100, 500, 900, 2000)] == [0, 0, 40, 80, 80]
