"""Recognition in a browser."""

import re
import threading

from tests.app.browsing import drop, opened, until
from tests.app.readable import assert_readable
from videomamba.inference.predict import predict


def answers(page):
    """The text of each checkpoint's label."""
    return page.get_by_test_id("label-output-value").all_inner_texts()


def test_every_video_is_recognised_by_every_checkpoint(server, browser, films, monkeypatch):
    colours, guesses = server.setup.of_task("recognition").values()
    with opened(browser, server) as page:
        first, second = (page.get_by_test_id("label-output-value").nth(i) for i in (0, 1))
        until(page.get_by_role("button", name="all_eight").first.click, second)
        drop(page, films / "red.mp4")
        second.wait_for()
        expected = [next(predict(model, films / "red.mp4", device="cpu")).top_k for model in (colours, guesses)]
        assert answers(page) == [top_k[0].label for top_k in expected]
        text = page.locator("body").inner_text()
        assert f"{100 * expected[0][0].probability:.0f}%" in text
        assert_readable(page)
        page.get_by_role("checkbox").nth(1).uncheck()
        second.wait_for(state="detached")
        first.wait_for()
        assert answers(page) == ["red"]
        page.get_by_role("button", name="Stop").first.click()
        first.wait_for(state="detached")
        page.get_by_role("button", name="Once more").click()
        first.wait_for()


def test_nothing_comes_after_stop(server, browser, films, monkeypatch):
    """Not even from work whose number the browser does not know yet, so that it cannot say which work to end."""
    from videomamba.app import recognize_tab

    begun, go_on = threading.Event(), threading.Event()
    late = []

    def held(*args, **named):
        begun.set()
        go_on.wait(60)
        yield from predict(*args, **named)

    with opened(browser, server) as page:
        first = page.get_by_test_id("label-output-value").first
        until(page.get_by_role("button", name="all_eight").first.click, first)
        page.route("**/queue/join*", lambda route: late.append((route, route.fetch())))
        with monkeypatch.context() as patch:
            patch.setattr(recognize_tab, "predict", held)
            drop(page, films / "green.mp4")
            while not begun.is_set():
                page.wait_for_timeout(50)
            first.wait_for(state="detached")  # what was said of the last video is gone while this one is looked at
            with page.expect_response(lambda response: "/run/" in response.url):  # the results are cleared
                page.get_by_role("button", name="Stop").first.click()
            go_on.set()
        with page.expect_response(lambda response: "/queue/data" in response.url):
            for route, response in late:
                route.fulfill(response=response)
        page.wait_for_timeout(1000)
        assert answers(page) == []


def test_a_broken_or_large_upload_is_one_line(server, browser, films):
    with opened(browser, server) as page:
        page.set_input_files("#video input[type=file]", str(films / "large.mp4"))
        page.get_by_test_id("toast-text").filter(has_text="size").wait_for()
        page.get_by_test_id("toast-close").first.click()
        page.set_input_files("#video input[type=file]", str(films / "broken.mp4"))
        text = page.get_by_test_id("toast-text").filter(has_text="broken.mp4").inner_text()
        assert re.fullmatch(r"broken\.mp4 (is not a video|cannot be).*", text), text
        assert str(server.uploads) not in page.locator("body").inner_text()
        assert answers(page) == []


def test_two_sessions_do_not_mix(server, browser, films):
    with opened(browser, server) as first, opened(browser, server) as second:
        for page, name in ((first, "red"), (second, "green")):
            drop(page, films / f"{name}.mp4")
        for page, name in ((first, "red"), (second, "green")):
            page.get_by_test_id("label-output-value").nth(1).wait_for()
            assert answers(page)[0] == name
