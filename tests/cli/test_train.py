"""``videomamba train``: the options reach the run, and what it says can be typed."""

import csv
import json
import shlex

import pytest
import torch

from tests.tiny import OPTIONS, on_each_step, write_clips
from videomamba import recipes
from videomamba.cli.main import main
from videomamba.models import load_model


def config(folder):
    return json.loads((folder / "config.json").read_text())


def test_options_reach_the_run(clips, tmp_path):
    options = ["--lr", "0.01", "--seed", "5", "--stride", "2", "--no-flip", "--model", "videomamba_nano"]
    argv = ["train", str(clips), *OPTIONS, *options, "--size", "16", "32", "--output", str(tmp_path / "run")]
    assert main(argv) == 0
    run = config(tmp_path / "run")
    assert (run["optim"]["epochs"], run["optim"]["min_steps"]) == (2, 0), "--epochs is the last word"
    assert (run["optim"]["lr"], run["seed"], run["data"]["augmentation"]["flip"], run["data"]["workers"]) == (
        0.01,
        5,
        False,
        0,
    )
    assert load_model(tmp_path / "run").preprocessing.stride == 2
    assert load_model(tmp_path / "run").preprocessing.size == (16, 32)


def test_a_column_holds_out_and_a_checkpoint_starts(clips, trained, tmp_path, capsys):
    with (tmp_path / "people.csv").open("w") as file:
        print("path,label,person", file=file)
        for path in sorted(clips.glob("*/*.mp4")):
            print(path.relative_to(clips), path.parent.name, path.stem[-1], sep=",", file=file)
    out = tmp_path / "run"
    argv = ["train", str(clips), "--split", str(tmp_path / "people.csv"), "--hold-out", "person=1,3"]
    argv += ["--start", str(trained), "--epochs", "1", "--workers", "0", "--output", str(out)]
    assert main(argv) == 0
    with (out / "splits.csv").open() as file:
        held_out = {row["path"] for row in csv.DictReader(file) if row["split"] == "test"}
    assert held_out == {f"{c}/{c}_{i}.mp4" for c in ("blue", "green", "red") for i in (1, 3)}
    assert load_model(out).preprocessing == load_model(trained).preprocessing
    assert config(out)["model"]["start"] == str(trained)


@pytest.mark.parametrize(
    ("header", "advice"),
    [
        ("path,label,split", "--split {} would split by it"),
        ("path,label,actor", "--split {} --hold-out COLUMN=VALUE,... (it has path, label, actor) would split by it"),
    ],
)
def test_a_csv_beside_the_videos_is_pointed_out(tmp_path, capsys, header, advice):
    write_clips(tmp_path / "data", per_class=2)
    csv_file = tmp_path / "data" / "clips.csv"
    csv_file.write_text(f"{header}\n")
    argv = ["train", str(tmp_path / "data"), *OPTIONS, "--epochs", "1", "--output", str(tmp_path / "run")]
    assert main(argv) == 0
    assert f"note: {csv_file} is not used; {advice.format(csv_file)}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["synthetic_motions", "./synthetic_motions"])
def test_a_bare_recipe_name_wins_over_a_folder(tmp_path, monkeypatch, name):
    write_clips(tmp_path / "synthetic_motions", per_class=2)
    monkeypatch.chdir(tmp_path)

    def recipe(data):
        raise SystemExit(7)

    monkeypatch.setitem(recipes.RECIPES, "synthetic_motions", recipe)
    code = main(["train", name, *OPTIONS, "--epochs", "1", "--output", "run"])
    assert code == (7 if name == "synthetic_motions" else 0)


def test_an_interrupted_run_says_how_to_go_on(clips, tmp_path, capsys, monkeypatch):

    def interrupted(trainer, loss):
        trainer.flag.requested = trainer.at.step == 4  # as the signal does

    on_each_step(monkeypatch, interrupted)
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(clips), *OPTIONS]) == 130
    line = capsys.readouterr().err.splitlines()[-1]
    (run,) = (tmp_path / "runs").iterdir()
    command = f"videomamba train {clips} {' '.join(OPTIONS)} --output runs/{run.name} --resume"
    assert line == f"stopped in epoch 2; runs/{run.name} holds the whole state; go on with: {command}"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0
    assert "resuming in epoch 2, after step 4" in capsys.readouterr().err
    assert len((run / "metrics.csv").read_text().splitlines()) == 3


def test_a_run_goes_on_as_it_began(fails, clips, trained):
    run = ["train", clips, *OPTIONS, "--output", trained, "--resume"]
    assert "was begun with optim.lr=" in fails(*run, "--lr", "0.5")
    assert "--resume needs --output DIR, the folder of the run to resume" in fails("train", clips, "--resume")
    typo = clips.with_name("typo")
    assert f"{typo} is no run to resume: there is no such folder" in fails("train", clips, "--resume", "--output", typo)
    assert not typo.exists()
    assert "--seed -1; expected 0 to 4294967295" in fails("train", clips, "--seed=-1")


def test_a_place_for_runs_that_cannot_be_one_is_found_at_once(fails, clips, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").touch()
    assert "runs is a file; name a folder to write" in fails("train", clips, *OPTIONS)


def test_a_run_is_not_resumed_from_a_folder_of_other_things(fails, clips):
    assert f"{clips} is no run to resume: it has no config.json" in fails("train", clips, "--resume", "--output", clips)


def test_mistakes(fails, clips, trained, tmp_path):
    assert "there is no folder 'nowhere' and no recipe of that name: `videomamba recipes` lists them" in fails(
        "train", "nowhere"
    )
    assert "'x' is given as the data of a recipe, and" in fails("train", clips, "x")
    names = "unknown model 'resnet'; choose one of videomamba_nano, videomamba_tiny, videomamba_small"
    assert names in fails("train", clips, "--model", "resnet")
    assert "has embed_dim=128 and cannot be fitted to embed_dim=384" in fails(
        "train", clips, "--model", "videomamba_small", "--start", trained
    )
    assert "--freeze backbone needs --start CHECKPOINT" in fails("train", clips, "--freeze", "backbone")
    assert "needs --start CHECKPOINT, the image model to begin from" in fails("train", clips, "--inflation", "centre")
    assert "--lr -1.0; it must be above 0" in fails("train", clips, "--lr", "-1")
    assert "--hold-out person=1 needs --split" in fails("train", clips, "--hold-out", "person=1")
    assert "there is no checkpoint nothing" in fails("train", clips, "--start", "nothing")
    (tmp_path / "empty").mkdir()
    assert "empty has no folders; expected one folder per class" in fails("train", "empty")
    (tmp_path / "holes" / "walk").mkdir(parents=True)
    assert "class 'walk' has no videos" in fails("train", "holes")


def test_a_csv_with_a_missing_column(fails, clips, tmp_path):
    (tmp_path / "no_label.csv").write_text("path,split\nred/red_0.mp4,train\n")
    assert "has no column 'label'; it has path, split" in fails("train", clips, "--split", "no_label.csv")
    assert "nowhere.csv cannot be read" in fails("train", clips, "--split", "nowhere.csv")


def test_an_output_that_cannot_be_written(fails, clips, tmp_path):
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'} is not a folder that may be written to" in fails(
        "train", clips, "--output", tmp_path / "file" / "run"
    )
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "one.txt").touch()
    assert "thesis is not empty; choose another folder" in fails("train", clips, "--output", "thesis")


def test_what_cannot_work_fails_before_anything_is_rendered(fails, tmp_path):
    for option, value in (("--model", "resnet"), ("--start", "nothing"), ("--output", "file/run")):
        (tmp_path / "file").touch()
        fails("train", "synthetic_motions", "rendered", option, value)
    assert not (tmp_path / "rendered").exists()


def test_only_the_head_is_trained(clips, trained, tmp_path):
    out = tmp_path / "out"
    argv = ["train", str(clips), "--start", str(trained), "--freeze", "backbone", "--epochs", "1", "--workers", "0"]
    assert main([*argv, "--layer-decay", "0.7", "--output", str(out)]) == 0
    before, after = load_model(trained), load_model(out / "last")
    old = dict(before.named_parameters())
    changed = {name for name, p in after.named_parameters() if not torch.equal(p, old[name])}
    assert changed == {"head.weight", "head.bias"}
    assert after.source.startswith(f"fine-tuned (colours) from {trained} (trained from scratch (")
