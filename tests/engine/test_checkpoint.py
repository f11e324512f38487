"""Checkpoints: written whole, read from the newest."""

from videomamba.engine.checkpoint import read_checkpoint, write_checkpoint


def test_a_checkpoint_of_the_same_step_takes_the_place_of_the_first(tmp_path):
    first = write_checkpoint(tmp_path, {"step": 3, "rows": [1]})
    assert write_checkpoint(tmp_path, {"step": 3, "rows": [1, 2]}) == first
    assert read_checkpoint(tmp_path) == {"step": 3, "rows": [1, 2]}
    assert [path.name for path in tmp_path.iterdir()] == ["step-3"]
