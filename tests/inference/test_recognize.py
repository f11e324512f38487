"""Predictions agree with evaluation, and go on after a broken file."""

import pytest
import torch
from tiny import MODEL

from videomamba.data import Annotations, VideoRecord
from videomamba.engine import predict
from videomamba.models import create_model
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    return create_model("videomamba_nano", class_names=NAMES, **MODEL)


def test_the_probabilities_are_those_of_the_evaluated_clip(model, clips):
    path = next(clips.glob("red/*.mp4"))
    (prediction,) = predict(model, Recognition(NAMES), [path], device=CPU, top_k=3)
    part = Annotations((VideoRecord(path, 0),), NAMES)
    clip = Recognition(NAMES).test_dataset(part, model.preprocessing)[0]["video"]
    with torch.no_grad():
        want = model.eval()(clip[None])[0].softmax(-1)
    assert {row["index"]: row["probability"] for row in prediction.answers} == {
        i: pytest.approx(p.item()) for i, p in enumerate(want)
    }
    assert prediction.to_json() == {"path": str(path), "predictions": prediction.answers}


def test_a_broken_file_is_reported_and_the_others_predicted(model, clips, tmp_path):
    (tmp_path / "broken.mp4").write_text("not a video")
    good = sorted(clips.glob("red/*.mp4"))[:2]
    found = list(predict(model, Recognition(NAMES), [good[0], tmp_path / "broken.mp4", good[1]], device=CPU))
    assert [prediction.error is None for prediction in found] == [True, False, True]
    assert found[1].to_json().keys() == {"path", "error"}
    assert str(tmp_path / "broken.mp4") in found[1].error
    assert "\n" not in found[1].error
    assert len(found[2].answers) == 3


def test_clips_are_joined(model, clips):
    path = next(clips.glob("red/*.mp4"))
    ask = {"device": CPU, "top_k": 3}
    (one,) = predict(model, Recognition(NAMES), [path], **ask)
    (three,) = predict(model, Recognition(NAMES), [path], num_clips=3, **ask)
    assert sum(row["probability"] for row in three.answers) == pytest.approx(1)
    assert one.answers != three.answers
    with pytest.raises(ValueError, match="num_clips=0 and top_k=5 must be at least 1"):
        next(predict(model, Recognition(NAMES), [path], device=CPU, num_clips=0))
