"""Which checkpoints are loaded, and what may be read."""

import pytest

from videomamba.app.setup import NARROW, WIDE, Setup, figure_width, load_setup
from videomamba.errors import UserError


def test_without_a_checkpoint_the_newest_run_is_taken(runs):
    setup = load_setup([], device="cpu", runs=runs, videos=[])
    (name,) = setup.models
    assert name.endswith("best")
    assert list(setup.with_steps) == [name]
    assert setup.of_task("detection") == {}


def test_mistakes(models, tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        load_setup([], device="cpu", runs=tmp_path / "no", videos=[])
    with pytest.raises(UserError, match="is given twice"):
        load_setup([str(models / "guesses")] * 2, device="cpu", runs=None, videos=[])
    with pytest.raises(UserError, match="there is no checkpoint"):
        load_setup(["nothing"], device="cpu", runs=None, videos=[])


def test_only_named_folders_may_be_read(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a.mp4").write_bytes(b"")
    (inside / "link.mp4").symlink_to(outside / "a.mp4")
    setup = Setup({}, None, (inside,))
    setup.check_inside([inside / "a.mp4"])
    for path in (outside / "a.mp4", inside / ".." / "out" / "a.mp4", inside / "link.mp4", tmp_path / "in2" / "a.mp4"):
        with pytest.raises(UserError, match=f"--videos {outside if 'in2' not in str(path) else tmp_path / 'in2'}"):
            setup.check_inside([inside / "a.mp4", path])
    with pytest.raises(UserError, match=f"--videos {tmp_path}$"):
        setup.check_inside([outside / "a.mp4", tmp_path / "in2" / "b.mp4"])


def test_figures_fit_the_window():
    assert [figure_width(pixels) for pixels in (390, 1400, None)] == [NARROW, WIDE, WIDE]
