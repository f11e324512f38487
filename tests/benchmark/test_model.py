"""``videomamba benchmark model``: every combination is timed, and mistakes are said before."""

from videomamba.benchmark import model as benchmark


def test_models_of_clips_are_known():
    names = benchmark.timed_models()
    assert {"videomamba_small", "video_swin_t"} <= set(names)
    assert not {name for name in names if "detector" in name or "asformer" in name}
