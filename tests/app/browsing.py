"""What tests of the page do in a browser."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

LONG = 60_000  # milliseconds: the cores are shared with other tests


@contextlib.contextmanager
def opened(browser, server, *, width: int = 1400, dark: bool = False, tab: str | None = None):
    """The page in a session of its own; nothing outside of the server may be asked for.

    Pages share the browser's cache: each compiles the page's scripts again otherwise.
    """
    page = browser.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.set_default_timeout(LONG)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url) if not is_inside(request.url, server) else None)
    try:
        page.goto(server.address)
        page.get_by_role("tab", name="Recognize").wait_for()
        if tab is not None:
            show(page, tab)
        yield page
    finally:
        page.close()  # its streams too: a browser has six connections to one host, for all pages together
    assert outside == []


def is_inside(url: str, server) -> bool:
    return url.startswith((server.address, "data:", "blob:"))


def show(page, tab: str) -> None:
    """Opens a tab, from the menu of those that have no room where it is there."""
    wanted = page.get_by_role("tab", name=tab)
    if not wanted.first.is_visible():
        page.locator(".overflow-menu > button").first.click()
        page.locator(".overflow-dropdown button", has_text=tab).click()
        return
    wanted.first.click()


def drop(page, file: Path) -> None:
    """Gives the page a video, in place of the one that it has."""
    page.locator("#video video, #video input[type=file]").first.wait_for(state="attached")
    clear = page.locator("#video").get_by_label("Clear")
    if clear.count():
        clear.first.click()
    _put(page, "#video input[type=file]", file, page.locator("#video video"))


def attach(page, part: str, file: Path) -> None:
    """Gives the page a file in a part of a tab that is closed at first."""
    page.get_by_role("button", name=part).click()
    give(page, file)


def give(page, file: Path) -> None:
    """Gives an open part of the page a file."""
    _put(
        page,
        f'[role=tabpanel]:visible input[type=file][accept*="{file.suffix}"]',
        file,
        page.get_by_label(file.name, exact=True),
    )


def _put(page, place: str, file: Path, shown) -> None:
    """Uploads the file."""
    until(lambda: page.set_input_files(place, str(file)), shown)


def until(do: Callable[[], object], shown) -> None:
    """Does it, and once more where the page was still drawing that place and lost it."""
    from playwright.sync_api import TimeoutError

    for _ in range(2):
        do()
        with contextlib.suppress(TimeoutError):
            shown.wait_for(timeout=LONG / 4)
            return
    shown.wait_for()


def message(page) -> str:
    """The text of the error that the page shows; the browser may say more of a video that it cannot play."""
    toast = page.get_by_test_id("toast-text").filter(has_not_text="Video not playable").first
    toast.wait_for()
    return toast.inner_text()


def stop_endless(page, monkeypatch, module, work: str, start: str, *, step) -> None:
    """Starts what never ends, in place of the tab's work, and stops it; where its step says "half way", that goes."""
    begun, ended = threading.Event(), threading.Event()

    def endless(*_):
        try:
            while True:
                begun.set()
                time.sleep(0.05)
                yield step
        finally:
            ended.set()

    with monkeypatch.context() as patch:
        patch.setattr(module, work, endless)
        page.get_by_role("button", name=start).click()
        assert begun.wait(LONG / 1000), "it does not begin"
        page.locator("[role=tabpanel]:visible").get_by_role("button", name="Stop").click()
        assert ended.wait(LONG / 1000), "it goes on"
    page.get_by_text("half way").wait_for(state="detached")


def clear(page) -> None:
    """Takes the page's video away."""
    page.locator("#video").get_by_label("Clear").first.click()
