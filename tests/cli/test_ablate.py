"""``videomamba ablate``: each run is made once, an interrupted study goes on, and the table says what came out."""

import csv
import json
import shutil

import pytest

from tests.tiny import on_each_step, write_clips
from videomamba.cli.main import main
from videomamba.experiments import sweep as sweeping
from videomamba.locks import locked
from videomamba.models import create_model, load_model

TINY = ("--frames", "8", "--size", "32", "--batch-size", "8", "--device", "cpu", "--workers", "0", "--in-memory")
RUN = ("--epochs", "1", *TINY)


@pytest.fixture(scope="module")
def image_model(tmp_path_factory):
    """An image model as wide and deep as the small video model."""
    folder = tmp_path_factory.mktemp("models") / "image"
    create_model("videomamba_nano", num_frames=1, tubelet_size=1, img_size=32, class_names=["a", "b"]).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="module")
def by_person(clips, tmp_path_factory):
    """A csv of the clips with a person to each: the options that leave two people out."""
    file = tmp_path_factory.mktemp("csv") / "people.csv"
    with file.open("w") as out:
        print("path,label,person", file=out)
        for path in sorted(clips.glob("*/*.mp4")):
            print(path.relative_to(clips), path.parent.name, path.stem[-1], sep=",", file=out)
    return ("--split", str(file), "--leave-out", "person=0,1")


@pytest.fixture(scope="module")
def start(image_model):
    return ("--start", str(image_model))


@pytest.fixture(scope="module")
def ordered(clips, start, tmp_path_factory):
    """The order study, run."""
    folder = tmp_path_factory.mktemp("studies") / "order"
    assert main(["ablate", "order", "--data", str(clips), "--output", str(folder), *start, *RUN]) == 0
    return folder


def made(monkeypatch):
    """The folders of the runs that are made from now on."""
    folders = []
    original = sweeping.run

    def make_run(config, **options):
        folders.append(config.output)
        return original(config, **options)

    monkeypatch.setattr(sweeping, "run", make_run)
    return folders


def table(folder, name="table.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_study_makes_its_runs_and_a_table_of_their_last_epochs(ordered):
    rows = table(ordered)
    assert [row["variant"] for row in rows] == ["spatial", "temporal", "spatio-temporal"]
    assert [row["HMDB51"] for row in rows] == ["43.3", "52.9", "55.2"]
    for row, name in zip(rows, ("spatial", "temporal", "spatio_temporal"), strict=True):
        run = ordered / name / "seed-0"
        assert load_model(run / "last").config.backward_order == name
        last = json.loads((run / "result.json").read_text())["last"]
        assert float(row["top1"]) == pytest.approx(100 * last["top1"])
    text = (ordered / "table.md").read_text()
    assert "| backward order | colours |" in text
    for part in ("all 3 runs have finished", "videomamba ablate order --data", "12 to train, 3 held out", "last epoch"):
        assert part in text


def test_finished_runs_are_not_made_again_and_other_settings_are_refused(
    clips, ordered, start, monkeypatch, fails, capsys, tmp_path
):
    folders = made(monkeypatch)
    before = (ordered / "table.csv").read_text()
    assert main(["ablate", "order", "--data", str(clips), "--output", str(ordered), *start, *RUN, "--json"]) == 0
    assert folders == []
    assert (ordered / "table.csv").read_text() == before
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 3
    line = fails("ablate", "order", "--data", clips, "--output", ordered, *start, "--epochs", "2", *TINY)
    assert "spatial/seed-0 was begun with optim.epochs=1, not 2; a run goes on as it began" in line


def test_finished_runs_on_other_videos_are_refused(clips, ordered, start, fails, tmp_path):
    output = tmp_path / "o"
    shutil.copytree(ordered, output)
    splits = output / "temporal" / "seed-0" / "splits.csv"
    splits.write_text("".join(splits.read_text().splitlines(keepends=True)[:-1]))
    line = fails("ablate", "order", "--data", clips, "--output", output, *start, *RUN)
    assert (
        "temporal/seed-0 was begun with other videos: 0 rows of its splits.csv are gone or in another part, 1 are"
        in line
    )


def test_an_equal_run_of_another_study_is_taken(clips, ordered, start, monkeypatch, tmp_path):
    """The paper's choice is a row of both; five runs of the position study are left."""
    folders = made(monkeypatch)
    argv = ["ablate", "position", "--data", str(clips), "--output", str(tmp_path / "b"), *start, *RUN]
    assert main([*argv, "--runs", str(ordered)]) == 0
    assert [folder.parent.name for folder in folders] == [
        "none",
        "sinusoidal",
        "random",
        "spatial_interpolation",
        "embed_dim_interpolation",
    ]
    runs = {row["variant"]: row for row in table(tmp_path / "b", "runs.csv")}
    assert runs["temporal_expansion"]["run"] == str(ordered / "spatio_temporal" / "seed-0")
    for kind in ("none", "sinusoidal", "random", "spatial_interpolation", "embed_dim_interpolation"):
        assert load_model(tmp_path / "b" / kind / "seed-0" / "last").config.pos_embed == kind


def test_an_interrupted_study_goes_on(clips, by_person, monkeypatch, tmp_path, capsys):
    """Stopped in the middle of its second run, by what the signal does."""
    argv = [
        "ablate",
        "order",
        "--data",
        str(clips),
        *by_person,
        "--output",
        str(tmp_path / "s"),
        "--epochs",
        "2",
        *TINY,
    ]
    count = [0]

    def stopped(trainer, loss):
        count[0] += 1
        trainer.flag.requested = count[0] == 6  # the second run's first epoch, of two steps

    on_each_step(monkeypatch, stopped)
    assert main(argv) == 130
    assert "the same command continues" in capsys.readouterr().err.splitlines()[-1]
    assert [row["variant"] for row in table(tmp_path / "s", "runs.csv")] == ["spatial"]
    monkeypatch.undo()
    folders = made(monkeypatch)
    assert main(argv) == 0
    assert "temporal, seed 0, fold 1 resumes" in capsys.readouterr().err
    assert len(folders) == 2
    assert folders[0] == tmp_path / "s" / "temporal" / "seed-0" / "fold-1"
    with (folders[0] / "metrics.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4"]
    runs = table(tmp_path / "s", "runs.csv")
    assert [(run["variant"], run["fold"], run["videos"]) for run in runs] == [
        (variant, "1", "6") for variant in ("spatial", "temporal", "spatio_temporal")
    ]


@pytest.mark.slow
def test_runs_side_by_side_end_as_one_after_the_other(clips, ordered, start, tmp_path):
    argv = ["ablate", "order", "--data", str(clips), "--output", str(tmp_path / "two"), *start, *RUN, "--jobs", "2"]
    assert main(argv) == 0
    for one, two in zip(table(ordered, "runs.csv"), table(tmp_path / "two", "runs.csv"), strict=True):
        assert (one["variant"], one["top1"]) == (two["variant"], two["top1"])
    one, two = (load_model(folder / "temporal/seed-0/last").state_dict() for folder in (ordered, tmp_path / "two"))
    for name, value in one.items():
        assert value.allclose(two[name], atol=1e-5), name


def test_shuffles_of_finished_runs(ordered, tmp_path, capsys):
    argv = ["ablate", "shuffle", "--runs", str(ordered), "--output", str(tmp_path / "s"), "--device", "cpu", "--json"]
    assert main(argv) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["variant"] for row in table(tmp_path / "s")] == ["interleaved", "pairwise", "block-wise", "as they are"]
    assert [row["runs"] for row in table(tmp_path / "s")] == ["3"] * 4
    for top1, name in zip(result["top1"]["none"], ("spatial", "spatio_temporal", "temporal"), strict=True):
        last = json.loads((ordered / name / "seed-0" / "result.json").read_text())["last"]
        assert top1 == pytest.approx(100 * last["top1"])
    classes = table(tmp_path / "s", "per_class.csv")
    assert [row["class"] for row in classes] == ["blue", "green", "red"]
    mean = sum(float(row["pairwise"]) for row in classes) / 3  # one test clip of each class
    assert float(table(tmp_path / "s")[1]["top1"]) == pytest.approx(mean)
    assert (tmp_path / "s" / "shuffle.png").read_bytes()[:4] == b"\x89PNG"
    # what was tested is kept, and nothing else is needed for the table
    kept = shutil.copytree(tmp_path / "s", tmp_path / "again")
    next(kept.rglob("reports.json")).write_text(
        next(kept.rglob("reports.json")).read_text().replace('"blue"', '"navy"')
    )
    assert main([*argv[:5], str(kept), *argv[6:]]) == 0
    assert "navy" in json.loads(capsys.readouterr().out)["per_class"]


def test_shuffles_of_a_run_that_another_process_makes(clips, tmp_path, capsys):
    with locked(tmp_path / "s" / "model" / "seed-0"):
        assert main(["ablate", "shuffle", "--data", str(clips), "--output", str(tmp_path / "s"), *RUN]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"error: {tmp_path / 's'} holds no finished run to test: another process makes it")


def test_what_was_tested_of_another_run_is_not_taken_for_this_ones(ordered, tmp_path):
    """Two folders of runs whose names inside are the same, into one output."""
    for name in ("spatial", "temporal"):
        shutil.copytree(ordered / name / "seed-0", tmp_path / name / "one" / "seed-0")
    for name in ("spatial", "temporal"):
        argv = ["ablate", "shuffle", "--runs", str(tmp_path / name), "--output", str(tmp_path / "s"), "--device", "cpu"]
        assert main(argv) == 0
        fresh = ["--output", str(tmp_path / f"fresh-{name}"), "--device", "cpu"]
        assert main(["ablate", "shuffle", "--runs", str(tmp_path / name), *fresh]) == 0
        reports = [next((tmp_path / s).rglob("reports.json")).read_text() for s in ("s", f"fresh-{name}")]
        assert reports[0] == reports[1]


def test_pretraining_stands_beside_the_papers(clips, ordered, image_model, tmp_path):
    starts = (f"motions={ordered / 'spatio_temporal/seed-0/last'}", f"stills={image_model}")
    argv = ["ablate", "pretrain", "--data", str(clips), "--output", str(tmp_path / "s"), *RUN, "--starts", *starts]
    assert main(argv) == 0
    rows = table(tmp_path / "s")
    assert [(row["variant"], row["SSV2"]) for row in rows] == [
        ("from scratch", "44.0"),
        ("stills (an image model)", "63.7"),
        ("motions (a video model)", "63.9"),
    ]
    configs = {
        name: json.loads((tmp_path / "s" / name / "seed-0" / "config.json").read_text())
        for name in ("scratch", "stills", "motions")
    }
    assert [configs[name]["model"]["start"] for name in configs] == [None, str(image_model), starts[0].split("=")[1]]
    assert configs["scratch"]["optim"] == configs["stills"]["optim"] == configs["motions"]["optim"]


def test_mistakes(fails, clips, ordered, image_model, tmp_path):
    data = ("--data", clips)
    assert "--data DIR is missing" in fails("ablate", "order")
    assert "position needs --start CHECKPOINT of an image model" in fails("ablate", "position", *data)
    video = ordered / "spatial/seed-0/last"
    assert "position needs --start CHECKPOINT of an image model" in fails("ablate", "position", *data, "--start", video)
    assert "pretrain compares checkpoints" in fails("ablate", "pretrain", *data)
    assert "--starts x: expected NAME=CHECKPOINT" in fails("ablate", "pretrain", *data, "--starts", "x")
    assert "--starts 96=...: width has no such variant; it has 192, 384" in fails(
        "ablate", "width", *data, "--starts", f"96={video}"
    )
    assert "--seeds a: expected whole numbers" in fails("ablate", "order", *data, "--seeds", "a")
    assert "--seeds 1,1: a number occurs twice" in fails("ablate", "order", *data, "--seeds", "1,1")
    assert "--jobs 0; it must be at least 1" in fails("ablate", "order", *data, "--jobs", "0")
    assert "needs --split" in fails("ablate", "order", *data, "--leave-out", "person=1")
    csv_file = tmp_path / "x.csv"
    csv_file.write_text("path,label,person\n")
    assert "expected COLUMN=V1,V2;V3,V4" in fails(
        "ablate", "order", *data, "--split", csv_file, "--leave-out", "person=1;;2"
    )
    file = tmp_path / "taken"
    file.touch()
    assert f"{file} is a file; name a folder to write" in fails("ablate", "order", *data, "--output", file)
    assert "--seeds -1; expected 0 to 4294967295" in fails("ablate", "order", *data, "--seeds=-1")
    assert "frames is what this study varies: leave out --frames" in fails("ablate", "frames", *data, "--frames", "4")
    assert "pretrain compares the checkpoints of --starts: leave out --start" in fails(
        "ablate", "pretrain", *data, "--start", "x", "--starts", "a=y"
    )
    assert "tests these runs as they are: leave out --data, --seeds, --epochs" in fails(
        "ablate", "shuffle", "--runs", ordered, *data, "--epochs", "77", "--seeds", "1,2"
    )
    assert "holds no finished run" in fails("ablate", "shuffle", "--runs", image_model)
    assert not (tmp_path / "runs").exists(), "nothing half-written"


@pytest.mark.parametrize(
    ("study", "starts", "said"),
    [
        ("shuffle", ["a=x"], "shuffle trains one model: leave out --starts NAME=CHECKPOINT...; --start CHECKPOINT"),
        ("width", ["192=x"], "--starts NAME=CHECKPOINT...: none for 384"),
        ("pretrain", ["a=x", "a=y"], "--starts a=y: the name a occurs twice"),
        ("pretrain", ["scratch=x"], "--starts scratch=...: scratch is the run without a checkpoint"),
        ("pretrain", ["..=x"], "--starts ..=x: .. is no name for a folder"),
    ],
)
def test_starts_that_do_not_fit_the_study(fails, clips, tmp_path, study, starts, said):
    assert said in fails("ablate", study, "--data", clips, "--starts", *starts, "--device", "cpu")
    assert not list(tmp_path.iterdir()), "nothing half-written"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Three classes of five clips; a folder of its own, whose name is in the table."""
    return write_clips(tmp_path_factory.mktemp("clips") / "colours")
