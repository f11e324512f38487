"""``videomamba evaluate``: figures by JSON, and classes that do not match."""

import json

from tests.tiny import write_clips
from videomamba.cli.main import main


def run(capsys, *argv):
    capsys.readouterr()
    assert main(["evaluate", *map(str, argv), "--workers", "0", "--device", "cpu", "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


def logged_top1(folder):
    header, *rows = (line.split(",") for line in (folder / "metrics.csv").read_text().splitlines())
    return float(rows[-1][header.index("top1")])


def test_the_held_out_videos_give_the_logged_figure(clips, trained, capsys):
    report, err = run(capsys, trained / "last", clips, "--split", trained / "splits.csv")
    assert (report["top1"], report["count"]) == (logged_top1(trained), 3)
    assert set(report) == {"top1", "top5", "count", "per_class"}
    assert set(report["per_class"]) == {"blue", "green", "red"}
    assert f"top-1 {100 * report['top1']:.1f} %" in err


def test_a_folder_without_parts_is_evaluated_whole_with_a_note(clips, trained, capsys):
    report, err = run(capsys, trained, clips, "--clips", "2")
    assert report["count"] == 15
    assert f"--split {trained / 'splits.csv'} uses these" in err


def test_a_class_without_videos_has_no_accuracy(trained, tmp_path, capsys):
    write_clips(tmp_path / "some", per_class=2)
    for file in (tmp_path / "some" / "green").iterdir():
        file.unlink()
    (tmp_path / "some" / "green").rmdir()
    report, _ = run(capsys, trained, tmp_path / "some")
    assert (report["count"], report["per_class"]["green"]) == (4, None)


def test_mistakes(fails, clips, trained, tmp_path):
    other = write_clips(tmp_path / "other", per_class=1)
    (other / "red").rename(other / "crimson")
    assert "does not know 1 of the 3 classes here: crimson; it knows blue, green, red" in fails(
        "evaluate", trained, other
    )
    assert "nowhere is not a folder" in fails("evaluate", trained, "nowhere")
    assert "there is no checkpoint nothing" in fails("evaluate", "nothing", clips)
    assert "needs --split" in fails("evaluate", trained, clips, "--hold-out", "a=b")
    (other / "crimson").rename(other / "red")
    (other / "red" / "red_0.mp4").write_bytes(b"")
    assert fails("evaluate", trained, other, "--workers", 1).endswith("red_0.mp4 is empty")


def test_a_report_is_one_page_of_the_same_figures(clips, trained, tmp_path, capsys):
    where = (trained / "last", clips, "--split", trained / "splits.csv")
    report, err = run(capsys, *where, "--report", tmp_path / "page", "--compare", trained / "best")
    text = (tmp_path / "page" / "index.html").read_text()
    assert [file.name for file in (tmp_path / "page").iterdir()] == ["index.html"]
    assert f"top-1 {100 * report['top1']:.1f} %</b> of 3 videos" in text
    assert "Learning curves" in text
    assert "Compared" in text
    assert f"report: {tmp_path / 'page' / 'index.html'}" in err


def test_mistakes_of_a_report(fails, clips, trained, tmp_path):
    (tmp_path / "file").write_text("")
    assert "needs --report DIR" in fails("evaluate", trained, clips, "--compare", trained)
    assert "is a file; name a folder" in fails("evaluate", trained, clips, "--report", tmp_path / "file")
