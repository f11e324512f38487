"""Studies from Python: their cells, their table, and what cannot be studied."""

import csv
import dataclasses
from pathlib import Path

import pytest

from tests.tiny import quiet, tiny_run
from videomamba.experiments import run_study, study_of
from videomamba.experiments.published import Study, Variant
from videomamba.experiments.study import cells_of
from videomamba.locks import locked
from videomamba.notes import UserNote


def test_runs_of_one_seed_and_fold_are_next_to_each_other(clips):
    base = tiny_run(clips, None)
    folds = {"1": {}, "2": {}}
    cells = cells_of(study_of("frames"), base, Path("out"), seeds=(0, 1), folds=folds)
    assert [(cell.seed, cell.fold, cell.variant) for cell in cells[:4]] == [
        *((0, "1", frames) for frames in ("8", "16", "32")),
        (0, "2", "8"),
    ]
    assert cells[4].run.output == Path("out/16/seed-0/fold-2")
    assert cells[4].run.model.overrides["num_frames"] == 16
    assert cells[4].run.data.num_frames is None


def test_a_study_without_a_command_line(clips, tmp_path):
    study = Study(
        "norm", "width", "32", (Variant("32", "32", (1.0, 2.0)), Variant("16", "16", changes={"embed_dim": 16}))
    )
    base = tiny_run(clips, None, epochs=1)
    figures = run_study(study, base, tmp_path, console=quiet())
    assert [(figure.variant, figure.count) for figure in figures] == [("32", 3), ("16", 3)]
    assert all(figure.minutes > 0 for figure in figures)
    text = (tmp_path / "table.md").read_text()
    assert "all 2 runs have finished" in text
    assert "minutes of 2 runs together" in text
    assert "Command" not in text
    made = {figure.run: (figure.run / "result.json").stat().st_mtime for figure in figures}
    assert run_study(study, base, tmp_path, console=quiet()) == figures
    assert run_study(study, base, tmp_path, rows=["16"], console=quiet()) == figures
    with pytest.raises(ValueError, match="norm has no such row; it has 32, 16"):
        run_study(study, base, tmp_path, rows=["16", "24"], console=quiet())
    assert made == {run: (run / "result.json").stat().st_mtime for run in made}, "a finished run was made again"


def test_the_table_is_of_all_finished_runs_of_the_folder(clips, tmp_path):
    """Made by several commands: other rows, another seed, and one with other settings."""
    study = Study("norm", "width", "32", tuple(Variant(str(w), str(w), changes={"embed_dim": w}) for w in (32, 16, 8)))
    base = tiny_run(clips, None, epochs=1)

    def made(run=base, **options):
        figures = run_study(study, run, tmp_path, console=quiet(), **options)
        with (tmp_path / "table.csv").open() as lines:
            counts = [int(row["runs"]) for row in csv.DictReader(lines)]
        state = next(line for line in (tmp_path / "table.md").read_text().splitlines() if "State" in line)
        return [(figure.variant, figure.seed) for figure in figures], counts, state.split(": ")[1].split(",")[0]

    assert made(rows=["16"]) == ([("16", 0)], [0, 1, 0], "all 1 runs have finished")
    with locked(tmp_path / "8" / "seed-0"):
        assert made(rows=["32", "8"]) == ([("32", 0), ("16", 0)], [1, 1, 0], "2 of 3 runs have finished")
    ended = [("32", 0), ("16", 0), ("16", 1)]
    assert made(rows=["16"], seeds=[1]) == (ended, [1, 2, 0], "3 of 4 runs have finished")
    other = dataclasses.replace(base, optim=dataclasses.replace(base.optim, lr=0.1))
    with locked(tmp_path / "8" / "seed-0"), pytest.warns(UserNote) as notes:
        assert made(other, rows=["8"])[:2] == ([], [0, 0, 0])
    assert {str(note.message).split(" was begun with ")[0] for note in notes} == {
        f"{name}, seed {seed} is not in the table: {tmp_path / name / f'seed-{seed}'}"
        for name, seed in (("32", 0), ("16", 0), ("16", 1))
    }


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("orders", {}, "unknown study 'orders'; choose one of order, position"),
        ("position", {}, "position needs start of an image model"),
        ("pretrain", {}, "pretrain compares checkpoints: give starts"),
        ("width", {"starts": {"96": "x"}}, "width has no such variant; it has 192, 384"),
        ("shuffle", {"starts": {"a": "x"}}, "shuffle trains one model: leave out starts; start names its checkpoint"),
        ("pretrain", {"starts": {"scratch": "x"}}, "scratch is the run without a checkpoint; choose another name"),
    ],
)
def test_what_cannot_be_studied(name, options, message):
    with pytest.raises(ValueError, match=message):
        study_of(name, **options)


@pytest.mark.parametrize("rows", [None, ["384"]])
def test_a_row_without_a_checkpoint_beside_rows_with_one_is_refused(clips, tmp_path, rows):
    """It would be trained from scratch with the settings of a fine-tuning."""
    study, base = study_of("width", starts={"192": "nowhere"}), tiny_run(clips, None)
    with pytest.raises(ValueError, match="starts: none for 384, and other rows of width begin from one"):
        run_study(study, base, tmp_path, rows=rows, console=quiet())
    with pytest.raises(ValueError, match="there is no checkpoint nowhere"):  # that row alone is asked for
        run_study(study, base, tmp_path, rows=["192"], console=quiet())
