"""What a study's table says of seeds and folds."""

import pytest

from videomamba.engine.run_folder import RunFolder
from videomamba.experiments.published import ORDER
from videomamba.experiments.table import Figure, rows
from videomamba.files import write_text


def test_a_figure_is_of_the_test_part_where_another_part_picked_the_best(tmp_path):
    folder = RunFolder(tmp_path)
    write_text(tmp_path / "splits.csv", "path,label,split\na.mp4,x,train\nb.mp4,x,val\nc.mp4,x,test\n")
    folder.write_result({"last": {"top1": 0.9}, "test": {"last": {"top1": 0.3}}})
    assert Figure.of(folder, "spatial", 0, "").top1 == 0.3
    folder.write_result({"last": {"top1": 0.9}, "test": None})
    assert Figure.of(folder, "spatial", 0, "").top1 == 0.9


def test_folds_and_seeds_in_the_table(tmp_path):
    """By hand: two seeds, two folds of 10 and 30 videos."""
    shares = {("spatial", 0): (0.5, 0.6), ("spatial", 1): (0.7, 0.6), ("spatio_temporal", 0): (0.8, 0.9)}
    figures = [
        Figure(variant, seed, fold, top1, count, None, tmp_path)
        for (variant, seed), tops in shares.items()
        for fold, top1, count in zip("12", tops, (10, 30), strict=True)
    ]
    spatial, temporal, chosen = rows(ORDER, figures)
    assert spatial.top1 == pytest.approx(60.0)
    assert spatial.over_seeds == pytest.approx((62.5 - 57.5) / 2**0.5)
    assert spatial.over_folds == pytest.approx(0.0)
    assert (spatial.difference, spatial.error) == (pytest.approx(-30.0), pytest.approx(0.0)), "seed 0 alone has a pair"
    assert chosen.top1 == pytest.approx(87.5)
    assert (chosen.over_seeds, chosen.difference) == (None, None)
    assert (temporal.top1, temporal.runs) == (None, 0)
