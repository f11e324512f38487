"""The mean over published splits, by hand."""

import pytest

from videomamba.experiments.splits import as_markdown, joined

RESULTS = {
    "1": {"last": {"top1": 0.5, "train_loss": 9.0, "lr": 0.1, "epoch": 3}, "best": {"top1": 0.6}, "views": None},
    "2": {"last": {"top1": 0.7, "train_loss": 1.0, "lr": 0.1, "epoch": 3}, "best": {"top1": 0.8}, "views": None},
}


def test_figures_that_all_splits_have_are_averaged():
    result = joined(RESULTS)
    assert result["mean"]["last"] == {"top1": pytest.approx(0.6)}
    assert result["deviation"]["last"]["top1"] == pytest.approx(0.2 / 2**0.5)
    assert set(result["mean"]) == {"last", "best"}
    assert result["splits"] == RESULTS


def test_a_figure_of_one_split_only_has_no_mean():
    one = {**RESULTS, "2": {"last": {"top1": 0.7}, "best": {"top1": 0.8, "top5": 0.9}}}
    assert set(joined(one)["mean"]["best"]) == {"top1"}


def test_the_table_has_a_row_per_split():
    lines = as_markdown(joined(RESULTS)).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:6]] == ["split 1", "split 2", "mean", "deviation"]
    assert "0.6000" in lines[4]
