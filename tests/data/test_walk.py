"""The one search for videos: links, loops, hidden files, suffixes, and what is passed over."""

import os
from collections import Counter

import pytest

from tests.data import layouts
from videomamba.data import find_videos
from videomamba.data.datasets import read_breakfast, read_hmdb51, read_kinetics, read_ssv2
from videomamba.data.datasets.folder import read_folder
from videomamba.data.walk import Found, left_out, search


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(folder, **options):
    return [str(path.relative_to(folder)) for path in search(folder, **options).videos]


SUFFIXES = (
    ".mts .MTS .m2ts .ts .vob .asf .wmv .flv .3gp .3g2 .gif .mxf .ivf .ogv .m4v .mpg .mpeg .mp4 .mkv .webm .avi .mov "
    ".m2v .dv .f4v .qt .y4m .divx .rmvb .ogm"
)


@pytest.mark.parametrize("suffix", SUFFIXES.split())
def test_suffixes_of_cameras(tmp_path, suffix):
    touch(tmp_path, f"a{suffix}")
    assert names(tmp_path) == [f"a{suffix}"]


def test_linked_folders_are_followed_and_loops_end(tmp_path):
    touch(tmp_path, "set/wave/a.mp4", "set/clap/b.mp4", "other/c.mp4", "other/deep/d.mp4")
    (tmp_path / "set/wave/more").symlink_to(tmp_path / "other")
    (tmp_path / "other/loop").symlink_to(tmp_path / "other")
    (tmp_path / "other/up").symlink_to(tmp_path / "set/wave")
    assert names(tmp_path / "set/wave") == ["a.mp4", "more/c.mp4", "more/deep/d.mp4"]
    assert len(read_folder(tmp_path / "set")["all"]) == 4
    assert len(find_videos([tmp_path / "set"])) == 4
    assert names(tmp_path / "set/wave", below=False) == ["a.mp4"]


def test_a_class_may_hold_nothing_but_a_link(tmp_path):
    touch(tmp_path, "other/c.mp4", "set/clap/b.mp4")
    (tmp_path / "set/wave").mkdir()
    (tmp_path / "set/wave/more").symlink_to(tmp_path / "other")
    assert read_folder(tmp_path / "set")["all"].class_names == ("clap", "wave")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/more").symlink_to(tmp_path / "other")
    assert find_videos([tmp_path / "links"]) == [tmp_path / "links/more/c.mp4"]


def test_hidden_files_and_folders_pipes_and_broken_links(tmp_path):
    touch(tmp_path, "a.mp4", ".b.mp4", "._a.mp4", ".trash/c.mp4", "__MACOSX/d.mp4", "@eaDir/e.mp4", "sub/f.mp4")
    (tmp_path / "gone.mp4").symlink_to("nowhere.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert search(tmp_path) == Found(tuple(tmp_path / name for name in ("a.mp4", "gone.mp4", "sub/f.mp4")), Counter())


def test_other_files_are_counted(tmp_path):
    touch(tmp_path, "a.mp4", *[f"{i}.txt" for i in range(3)], "x.JPG", "y.jpg", "README", ".hidden.txt")
    others = search(tmp_path).others
    assert others == {".txt": 3, ".jpg": 2, "": 1}
    assert left_out(others) == ("6 files with other suffixes (.txt 3, .jpg 2, without suffix 1) are left out",)
    assert left_out(Counter()) == ()
    many = Counter({f".{i}": 9 - i for i in range(7)})
    assert left_out(many, "d")[0].endswith("(.0 9, .1 8, .2 7, .3 6, .4 5, ...) are left out in d")


def linked(folder, away):
    """Moves a folder away and leaves a link."""
    away.parent.mkdir(exist_ok=True)
    folder.rename(away)
    folder.symlink_to(away)


def test_published_layouts_follow_links(tmp_path):
    root = layouts.kinetics(tmp_path / "k400")
    before = read_kinetics(root)
    linked(root / "train/zumba", tmp_path / "away/zumba")
    assert read_kinetics(root) == before
    root = layouts.breakfast(tmp_path / "breakfast")
    before = {name: len(part) for name, part in read_breakfast(root).items()}
    linked(next(root.rglob("P03")), tmp_path / "away/P03")
    linked(next(root.rglob("P47/cam01")), tmp_path / "away/cam01")
    assert {name: len(part) for name, part in read_breakfast(root).items()} == before


def nested(folder):
    """Unpacked into one more folder of the same name."""
    folder.rename(folder.with_name("tmp"))
    folder.mkdir()
    folder.with_name("tmp").rename(folder / folder.name)


def test_nested_unpacking_is_understood(tmp_path):
    root = layouts.hmdb51(tmp_path / "hmdb51")
    before = {name: len(part) for name, part in read_hmdb51(root).items()}
    for name in layouts.HMDB51:
        nested(root / name)
    assert {name: len(part) for name, part in read_hmdb51(root).items()} == before
    root = layouts.ssv2(tmp_path / "ssv2")
    nested(next(path for path in (root / "20bn-something-something-v2", root / "videos") if path.is_dir()))
    assert len(read_ssv2(root)["train"]) == 4


def test_missing_videos_come_with_what_is_there(tmp_path):
    root = layouts.hmdb51(tmp_path)
    for video in root.rglob("*.avi"):
        video.rename(video.with_suffix(".rar"))
    with pytest.raises(ValueError, match=r"files with other suffixes \(.rar 14\) are left out"):
        read_hmdb51(root)
