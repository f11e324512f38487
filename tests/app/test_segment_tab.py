"""Segmentation in a browser."""

import pytest

from tests.app.browsing import drop, give, opened
from videomamba.errors import UserError


def test_segments_of_a_video_and_of_features(server, browser, films):
    """Of features, where both are given."""
    with opened(browser, server, tab="Segmentation") as page:
        drop(page, films / "red.mp4")
        page.get_by_role("button", name="Find the actions").click()
        page.locator("a[download='red.segments.json']").first.wait_for()
        give(page, films / "features.npy")
        page.get_by_role("button", name="Find the actions").click()
        page.locator("a[download='segments.json']").first.wait_for()


def test_a_backbone_of_other_channels(server, films):
    from videomamba.app.segment_tab import made_features

    with pytest.raises(UserError, match="takes features: start the page with"):
        made_features(server.setup, str(next(iter(server.setup.of_task("segmentation")))), None, films / "red.mp4")
