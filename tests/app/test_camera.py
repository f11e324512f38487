"""The camera in a browser: Chromium's, which shows a test picture at 20 frames a second."""

from tests.app.browsing import opened, show
from videomamba.data.reader import VideoReader


def test_a_recording_is_recognised_and_has_a_length(server, browser):
    before = set(server.uploads.rglob("*.webm"))
    with opened(browser, server) as page:
        page.locator("#video").get_by_label("Capture from camera").click()
        page.get_by_text("Click to Access Webcam").click()
        page.wait_for_function("() => document.querySelector('#video video')?.videoWidth > 0")
        sound = "() => document.querySelector('#video video').srcObject.getAudioTracks().length"
        assert page.evaluate(sound) == 0
        record = page.locator("#video").get_by_label("start recording")
        record.click()
        page.wait_for_timeout(2500)
        record.click()
        page.get_by_test_id("label-output-value").nth(1).wait_for()
        page.wait_for_function("() => Number.isFinite(document.querySelector('#video video')?.duration)")
        shown = page.evaluate("() => document.querySelector('#video video').duration")
        show(page, "Timeline")
        page.get_by_role("button", name="Make the timeline").click()
        page.get_by_text("scores of").wait_for()
    (file,) = set(server.uploads.rglob("*.webm")) - before
    with VideoReader(file) as reader:
        assert reader.num_frames >= 3
        assert 0.5 < reader.times.seconds[-1] < 30
        assert not reader.times.is_assumed
        tick = 1e-3  # webm counts milliseconds; the recording may end with its last frame
        assert shown + tick >= reader.times.seconds[-1] > 0.5 * shown
        assert reader.read([0]).frames.shape[2:] == (480, 640)
