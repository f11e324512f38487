"""Segmentation in a browser."""

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


def test_a_backbone_of_other_channels(server, films):
    from videomamba.app.segment_tab import made_features

    with pytest.raises(UserError, match="takes features: start the page with"):
        list(made_features(server.setup, next(iter(server.setup.of_task("segmentation"))), None, films / "red.mp4"))
