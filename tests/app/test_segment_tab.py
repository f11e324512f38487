"""Segmentation in a browser."""

import threading

import pytest

from tests.app.browsing import clear, drop, give, opened, stop_endless
from tests.app.readable import assert_readable
from videomamba.errors import UserError


def test_segments_of_a_video_and_of_features(server, browser, films, monkeypatch):
    from videomamba.app import segment_tab

    with opened(browser, server, tab="Segmentation") as page:
        drop(page, films / "red.mp4")
        stop_endless(page, monkeypatch, segment_tab, "made_features", "Find the actions", step="half way")
        page.get_by_role("button", name="Find the actions").click()
        of_video = page.locator("a[download$='red.segments.json']")
        of_video.wait_for()
        page.get_by_text("Segments of red.mp4").wait_for()
        give(page, films / "features.npy")
        of_video.wait_for(state="detached")
        page.get_by_role("button", name="Find the actions").click()
        page.get_by_text("Segments of features.npy").wait_for()
        assert_readable(page)
        clear(page)
        page.get_by_text("Segments of features.npy").wait_for(state="detached")


def test_start_is_heard_while_a_stopped_step_still_runs(server, browser, films, monkeypatch):
    from videomamba.app import segment_tab

    go_on, ended = threading.Event(), threading.Event()

    def held(*_):
        try:
            yield "half way"
            go_on.wait(60)
            yield "too late"
        finally:
            ended.set()

    with opened(browser, server, tab="Segmentation") as page:
        drop(page, films / "red.mp4")
        start = page.get_by_role("button", name="Find the actions")
        with monkeypatch.context() as patch:
            patch.setattr(segment_tab, "made_features", held)
            start.click()
            page.get_by_text("half way").wait_for()
        page.locator("[role=tabpanel]:visible").get_by_role("button", name="Stop").click()
        page.get_by_text("half way").wait_for(state="detached")
        start.click()
        page.get_by_text("Segments of red.mp4").wait_for()
        assert not ended.is_set()
        go_on.set()
        assert ended.wait(60)
        page.wait_for_timeout(500)
        assert page.get_by_text("Segments of red.mp4").is_visible()


def test_a_backbone_of_other_channels(server, films):
    from videomamba.app.segment_tab import made_features

    with pytest.raises(UserError, match="takes features: start the page with"):
        list(made_features(server.setup, next(iter(server.setup.of_task("segmentation"))), None, films / "red.mp4"))
