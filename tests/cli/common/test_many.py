"""``videomamba predict|features --engine``: Parquet files, a summary, and what is refused."""

import json

import pyarrow.parquet as pq
import pytest

from videomamba.cli.main import main
from videomamba.inference import many
from videomamba.inference.shards import column, shards_of


def run(*words, code=0):
    assert main([*map(str, words), "--device", "cpu"]) == code


def test_predict_and_resume(clips, trained, tmp_path, capsys):
    out, listed = tmp_path / "out", tmp_path / "list.txt"
    listed.write_text("".join(f"{path}\n" for path in [*sorted(clips.rglob("*.mp4"))[:4], "missing.mp4"]))
    words = ("predict", listed, "--checkpoint", trained, "--output", out, "--top-k", 2, "--json")
    run(*words, code=2)
    printed = capsys.readouterr()
    summary = json.loads(printed.out)
    assert (summary["videos"], summary["errors"], summary["shards"], summary["engine"]) == (5, 1, 1, "local")
    assert f"{out}: 5 videos in 1 Parquet files" in printed.err
    rows = pq.read_table(shards_of(out)[0]).to_pylist()
    assert [len(row["labels"]) for row in rows[:4]] == [2] * 4
    assert rows[4]["error"] == f"{tmp_path / 'missing.mp4'} does not exist"
    assert main([*map(str, words), "--device", "cpu"]) == 2
    assert "add --resume" in capsys.readouterr().err
    run(*words, "--resume", code=2)
    assert json.loads(capsys.readouterr().out)["done_before"] == 5


def test_features_are_one_embedding_per_video(clips, trained, tmp_path):
    out = tmp_path / "out"
    run("features", clips / "red" / "*.mp4", "--checkpoint", trained, "--output", out, "--engine", "local")
    assert {len(values) for values in column(out, "embedding")} == {128}


def test_ctrl_c_says_how_to_continue(clips, trained, tmp_path, capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(many, "run_many", stopped)
    run("predict", clips, "--checkpoint", trained, "--output", tmp_path / "my out", code=130)
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"videomamba predict {clips}" in line
    assert line.endswith(f"--output '{tmp_path}/my out' --device cpu --resume")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("predict", "x.mp4", "--resume"), "--resume is for many videos, in Parquet files; add --output DIR"),
        (("predict", "x.mp4", "--engine", "ray"), "--engine is for many videos"),
        (("predict", "x.mp4", "--output", "out", "--address", "auto"), "add --engine ray"),
        (("predict", "x.mp4", "--output", "out", "--shards", "0"), "shards=0"),
        (("predict", "*.nothing", "--output", "out"), "matches no file"),
        (("predict", "x.mp4", "--output", "out", "--resume"), "holds no run to resume"),
        (("features", "x.mp4", "--shards", "3"), "add --engine local|ray"),
        (("features", "x.mp4", "--engine", "local", "--step", "2"), "leave out --engine"),
    ],
)
def test_mistakes(fails, trained, words, said):
    assert said in fails(*words, "--checkpoint", trained)


def test_a_missing_package_is_named(fails, trained, monkeypatch):
    from videomamba.inference import shards

    monkeypatch.setattr(shards, "find_spec", lambda name: None)
    line = fails("predict", "x.mp4", "--checkpoint", trained, "--output", "out", "--engine", "ray")
    assert line.endswith('pip install "videomamba[ray]"')
