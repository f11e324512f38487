"""A report as one html file."""

import re
from html.parser import HTMLParser

import numpy as np

from videomamba.data.reader import VideoReader
from videomamba.data.synthetic import write_video
from videomamba.experiments.judged import Judged
from videomamba.experiments.report import Report
from videomamba.experiments.report_page import write_report

CURVE = ({"epoch": 1.0, "train_loss": 2.0, "top1": 0.2}, {"epoch": 2.0, "train_loss": 1.0, "top1": 0.6})


class Tags(HTMLParser):
    """Checks that tags are closed in order, and keeps addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.seen = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("img", "br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_has_all_in_one_file(tmp_path):
    file = tmp_path / "<b>odd.mp4"
    write_video(file, np.zeros((20, 32, 48, 3), np.uint8), fps=10)
    mistake = Judged(file, "o$pen", "<close>", 0.9, 0.1)
    gone = Judged(tmp_path / "gone.mp4", "o$pen", "<close>", 0.8, 0.1)
    first = Report("runs/a&b", ("<close>", "o$pen"), (mistake, gone), CURVE, {"seed": 0})
    second = Report("other", ("<close>", "o$pen"), (Judged(file, "o$pen", "o$pen", 1, 1),), (), {"seed": 1})
    done = []
    write_report(tmp_path / "r" / "index.html", [first, second], progress=lambda *how: done.append(how))
    text = (tmp_path / "r" / "index.html").read_text()
    tags = Tags(text)
    assert all(source.startswith("data:") for source in tags.sources)
    assert tags.seen.count("video") == 1
    assert tags.seen.count("img") == 3
    assert "gone.mp4" in text
    assert "<b>odd.mp4" not in text
    assert "&lt;b&gt;odd.mp4" in text
    assert "said <b>&lt;close&gt;</b> (90 %), is <b>o$pen</b> (10 %)" in text
    assert "0 videos only runs/a&amp;b has right, 1 only other" in text
    assert done == [(1, 2), (2, 2)]
    assert not re.search(r"%[A-Z]+%", text)


def test_no_mistake(tmp_path):
    right = Judged(tmp_path / "a.mp4", "a", "a", 0.9, 0.9)
    write_report(tmp_path / "index.html", [Report("m", ("a", "b"), (right,))])
    text = (tmp_path / "index.html").read_text()
    assert "No mistake." in text
    assert "Learning curves" not in text
    Tags(text)


def test_an_excerpt_is_the_middle_and_is_small(tmp_path):
    from videomamba.data.excerpt import write_excerpt

    frames = np.zeros((400, 40, 60, 3), np.uint8)
    frames[200] = 255
    write_video(tmp_path / "long.mp4", frames, fps=20)
    write_excerpt(tmp_path / "long.mp4", tmp_path / "short.mp4")
    with VideoReader(tmp_path / "short.mp4") as reader:
        assert reader.num_frames == 200
        assert reader.fps == 20
        clip = reader.read(range(200))
        assert tuple(clip.frames.shape[2:]) == (240, 360)
        assert clip.frames.float().mean((1, 2, 3)).argmax() == 100
