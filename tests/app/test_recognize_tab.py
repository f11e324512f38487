"""Recognition in a browser."""

import re

from tests.app.browsing import drop, message, opened
from videomamba.inference.predict import predict


def answers(page):
    """The text of each checkpoint's label."""
    return page.get_by_test_id("label-output-value").all_inner_texts()


def test_a_dropped_video_is_recognised_by_every_checkpoint(server, browser, films):
    colours, guesses = server.setup.of_task("recognition").values()
    with opened(browser, server) as page:
        drop(page, films / "red.mp4")
        page.get_by_test_id("label-output-value").nth(1).wait_for()
        expected = [next(predict(model, films / "red.mp4", device="cpu")).top_k for model in (colours, guesses)]
        assert answers(page) == [top_k[0].label for top_k in expected]
        text = page.locator("body").inner_text()
        assert f"{100 * expected[0][0].probability:.0f}%" in text


def test_one_checkpoint_alone(server, browser, films):
    with opened(browser, server) as page:
        page.get_by_role("checkbox").nth(1).uncheck()
        drop(page, films / "green.mp4")
        page.get_by_test_id("label-output-value").first.wait_for()
        assert answers(page) == ["green"]


def test_a_broken_upload_is_one_line(server, browser, films):
    with opened(browser, server) as page:
        page.set_input_files("#video input[type=file]", str(films / "broken.mp4"))
        text = message(page)
        assert re.fullmatch(r"broken\.mp4 (is not a video|cannot be).*", text), text
        assert str(server.uploads) not in page.locator("body").inner_text()
        assert answers(page) == []


def test_an_example(server, browser):
    with opened(browser, server) as page:
        page.get_by_role("button", name="all_eight").first.click()
        page.get_by_test_id("label-output-value").nth(1).wait_for()


def test_two_sessions_do_not_mix(server, browser, films):
    with opened(browser, server) as first, opened(browser, server) as second:
        for page, name in ((first, "red"), (second, "green")):
            page.set_input_files("#video input[type=file]", str(films / f"{name}.mp4"))
        for page, name in ((first, "red"), (second, "green")):
            page.get_by_test_id("label-output-value").nth(1).wait_for()
            assert answers(page)[0] == name
