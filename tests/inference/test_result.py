"""One class for what a model says: what goes into JSON, and what is saved."""

import json

import pytest

from videomamba.errors import UserError
from videomamba.inference.result import ActionBox, ClassScore, Keyframe, Result, Segment

WAVE = ClassScore("wave", 2, 0.5)


def test_json_has_what_the_task_says():
    predictions = [{"label": "wave", "index": 2, "probability": 0.5}]
    assert Result("a.mp4", top_k=(WAVE,)).to_dict() == {"path": "a.mp4", "predictions": predictions}
    assert Result("a.mp4", error="is empty", top_k=(WAVE,)).to_dict() == {"path": "a.mp4", "error": "is empty"}
    keyframe = Keyframe(3, 40, 1.5, (ActionBox((0.0, 0.0, 1.0, 1.0), 0.9, (WAVE,)),))
    (found,) = Result("a.mp4", keyframes=(keyframe,)).to_dict()["keyframes"]
    assert (found["timestamp"], found["frame"], found["seconds"]) == (3, 40, 1.5)
    assert found["boxes"] == ({"box": (0.0, 0.0, 1.0, 1.0), "box_score": 0.9, "actions": tuple(predictions)},)


def test_seconds_that_nobody_knows_are_not_in_the_json():
    known, unknown = Segment("wave", 2, 0, 30, 0.5, 0.0, 2.0), Segment("wave", 2, 0, 30, 0.5)
    assert Result("a.npy", segments=(unknown,)).to_dict()["segments"] == [
        {"label": "wave", "index": 2, "start": 0, "end": 30, "probability": 0.5}
    ]
    assert Result("a.npy", segments=(known,)).to_dict()["segments"][0]["end_seconds"] == 2.0
    assert known.bar(in_seconds=True) == ("wave", 0.0, 2.0)
    assert known.bar(in_seconds=False) == unknown.bar(in_seconds=True) == ("wave", 0, 30)


def test_a_result_is_saved_by_its_suffix(tmp_path):
    result = Result("gone.mp4", top_k=(WAVE,))
    result.save(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == result.to_dict()
    result.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match=r"a\.gif: end it in \.json, \.png, \.pdf, \.svg"):
        result.save(tmp_path / "a.gif")
    with pytest.raises(UserError, match="nothing to plot: is empty"):
        Result("a.mp4", error="is empty").save(tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()
