"""Runs in a browser."""

import dataclasses

import pytest

from tests.app.browsing import opened, stop_endless
from tests.app.readable import assert_readable
from videomamba.engine.run_folder import RunFolder
from videomamba.errors import UserError


def choose(page, label, option):
    page.get_by_label(label, exact=True).first.click()
    page.get_by_role("option", name=option).click()
    page.get_by_role("option").first.wait_for(state="detached")  # the list fades, and the next has options of its own


def test_a_run_is_tested_and_compared_and_its_mistakes_play(server, browser, monkeypatch):
    from videomamba.app import runs_tab

    with opened(browser, server, tab="Runs") as page:
        stop_endless(page, monkeypatch, runs_tab, "report_of", "Test on its", step="half way")
        choose(page, "Run", "guessing")
        choose(page, "Compared with", "right")
        page.get_by_role("button", name="Test on its").click()
        page.get_by_text("by chance in").wait_for()
        text = page.locator("body").inner_text()
        assert "top-1 33.3 % of 3 videos" in text
        assert "0 videos only guessing has right, 2 only right" in text
        assert "optim.lr" in text
        clip = page.locator(".clips figure").first
        said, truth = clip.locator("b").all_inner_texts()
        assert said != truth
        assert {said, truth} <= {"red", "green", "blue"}
        assert truth in clip.locator("small").inner_text() or page.locator(".clips figure").count() == 2
        assert clip.locator("video").evaluate("v => v.play().then(() => v.duration)") > 0.5
        page.wait_for_function("() => document.querySelector('.clips video').currentTime > 0.2")
        assert_readable(page)
        choose(page, "Run", "right")
        clip.wait_for(state="detached")
        assert page.get_by_text("by chance in").count() == 0


def test_videos_outside_of_the_folders_are_not_read(server, runs, tmp_path):
    from videomamba.app.runs_tab import report_of

    elsewhere = dataclasses.replace(server.setup, folders=(tmp_path,))
    with pytest.raises(UserError, match="outside of the folders that the page may read: start it with --videos"):
        list(report_of(elsewhere, RunFolder(runs / "right"), "right", "last"))
