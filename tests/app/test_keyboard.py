"""The page without a mouse."""

import pytest

from tests.app.browsing import opened, show

TABS = ["Recognize", "What it looks at", "Timeline", "Detection", "Segmentation", "Runs"]
# a name for each control that can be seen, and whether a ring shows the one in focus
_NAME = """e => e.dataset.key ??= [
  e.tagName, e.getAttribute("aria-label") || e.title || e.innerText || e.value, window.keys = (window.keys ?? 0) + 1
].join(" ")"""
_CONTROLS = f"""() => [...document.querySelectorAll(
    "button, input, select, textarea, summary, a[href], [role=button], [role=tab], [role=grid]")]
  .filter(e => e.checkVisibility({{visibilityProperty: true}}) && e.getBoundingClientRect().width > 1 && !e.disabled
    && !e.closest("[inert], [aria-hidden=true]") && getComputedStyle(e.parentElement).visibility != "hidden"
    && !(e.tagName == "BUTTON" && e.closest(".visually-hidden")))
  .map({_NAME})"""
_FOCUS = f"""() => {{
  const e = document.activeElement, style = getComputedStyle(e);
  const ring = style.outlineStyle != "none" && parseFloat(style.outlineWidth) >= 2;
  return [({_NAME})(e), ring, e.checkVisibility({{opacityProperty: true}})];
}}"""


def walk(page) -> list[str]:
    """The controls in the order of the Tab key, each of which shows that it is in focus."""
    page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    page.mouse.click(2, 2)
    reached: list[str] = []
    for _ in range(100):
        page.keyboard.press("Tab")
        name, ring, visible = page.evaluate(_FOCUS)
        if name.startswith("BODY") or name in reached:
            return reached
        assert ring, name
        assert visible, name
        reached.append(name)
    raise AssertionError("Tab does not come to an end")


def go(page, name: str, *, key: str = "Tab") -> None:
    """Moves the focus on to a control, or back with another key."""
    for _ in range(60):
        page.keyboard.press(key)
        at = page.evaluate(_FOCUS)[0]
        if name in at and not at.startswith("BODY"):
            return
    raise AssertionError(f"{name} is not reached")


def test_a_video_is_chosen_played_and_searched_by_keys(server, browser, films):
    with opened(browser, server) as page:
        page.add_style_tag(content="* { transition: none !important }")
        go(page, "Drop a video")
        choosers: list = []
        page.on("filechooser", lambda chooser: choosers.append(chooser))
        for _ in range(20):  # the page may still be drawing the button
            page.keyboard.press("Enter")
            page.wait_for_timeout(500)
            if choosers:
                break
        choosers[0].set_files(films / "long.mp4")
        page.locator("#video video").wait_for()
        go(page, "play-pause")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#video video').currentTime > 0")
        go(page, "Timeline")
        page.keyboard.press("Enter")
        go(page, "Make the timeline")
        page.keyboard.press("Space")
        page.get_by_text("scores of 11.9 s").wait_for()
        go(page, "range slider for Jump")
        page.keyboard.press("End")
        page.wait_for_function("() => document.querySelector('#video video').currentTime > 8")
        go(page, "Stop", key="Shift+Tab")
        page.keyboard.press("Enter")
        page.locator("#timeline img").wait_for(state="detached")
        go(page, "Runs", key="Shift+Tab")
        page.keyboard.press("Enter")
        go(page, "Compared with")
        page.get_by_role("option", name="right").last.wait_for()
        for key in ("ArrowDown", "Enter"):
            page.keyboard.press(key)
            page.wait_for_timeout(200)
        assert page.get_by_label("Compared with", exact=True).first.input_value() in ("guessing", "right")
        go(page, "best")
        page.keyboard.press("Space")
        assert page.get_by_role("radio", name="best").is_checked()


@pytest.mark.slow
def test_every_control_is_reached_and_shows_it(server, browser):
    with opened(browser, server) as page:
        page.add_style_tag(content="* { transition: none !important }")
        for tab in TABS:
            show(page, tab)
            page.wait_for_timeout(300)
            missing = set(page.evaluate(_CONTROLS)) - set(walk(page))
            assert not missing, (tab, missing)
