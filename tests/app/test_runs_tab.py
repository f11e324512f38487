"""Runs in a browser."""

import dataclasses

import pytest

from tests.app.browsing import opened
from videomamba.engine.run_folder import RunFolder
from videomamba.errors import UserError


def choose(page, label, option):
    page.get_by_label(label, exact=True).first.click()
    page.get_by_role("option", name=option).click()
    page.get_by_role("option").first.wait_for(state="detached")  # the list fades, and the next has options of its own


def test_a_run_is_tested_and_compared(server, browser):
    with opened(browser, server, tab="Runs") as page:
        choose(page, "Run", "guessing")
        choose(page, "Compared with", "right")
        page.get_by_role("button", name="Test on its").click()
        page.get_by_text("by chance in").wait_for()
        text = page.locator("body").inner_text()
        assert "top-1 33.3 % of 3 videos" in text
        assert "0 videos only guessing has right, 2 only right" in text
        assert "optim.lr" in text
        page.get_by_text("said ").first.wait_for()
        assert page.locator("video").count() >= 1


def test_videos_outside_of_the_folders_are_not_read(server, runs, tmp_path):
    from videomamba.app.runs_tab import report_of

    elsewhere = dataclasses.replace(server.setup, folders=(tmp_path,))
    with pytest.raises(UserError, match="outside of the folders that the page may read: start it with --videos"):
        list(report_of(elsewhere, RunFolder(runs / "right"), "right", "last"))
