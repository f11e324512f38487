"""Answers agree with evaluation, come in order, and go on after a broken file."""

import pytest
import torch

from tests.tiny import MODEL, write_clips
from videomamba.data import Annotations, VideoRecord
from videomamba.inference import recognize
from videomamba.models import create_model
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips") / "colours")


@pytest.fixture(scope="module")
def model():
    model = create_model("videomamba_nano", class_names=NAMES, **MODEL)
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(0))  # answers that differ
    return model


def probabilities(result):
    return {score.index: score.probability for score in result.top_k}


def test_the_probabilities_are_those_of_the_evaluated_clip(model, clips):
    path = next(clips.glob("red/*.mp4"))
    (result,) = recognize(model, path, device=CPU, top_k=3)
    part = Annotations((VideoRecord(path, 0),), NAMES)
    clip = Recognition(NAMES).test_dataset(part, model.preprocessing)[0]["video"]
    with torch.no_grad():
        want = model.eval()(clip[None])[0].softmax(-1)
    assert probabilities(result) == {i: pytest.approx(p.item()) for i, p in enumerate(want)}
    assert result.path == str(path)


def test_batches_change_nothing_and_keep_the_order(model, clips):
    paths = sorted(clips.rglob("*.mp4"))
    alone = list(recognize(model, paths, device=CPU, top_k=3, batch_size=1))
    together = list(recognize(model, paths, device=CPU, top_k=3, batch_size=4))
    assert [result.path for result in together] == [str(path) for path in paths]
    for one, other in zip(alone, together, strict=True):
        assert probabilities(one) == pytest.approx(probabilities(other), abs=1e-6)
    assert len({round(result.top_k[0].probability, 6) for result in alone}) > 5, "all clips give one answer"


def test_a_broken_file_is_reported_and_the_others_answered(model, clips, tmp_path):
    (tmp_path / "broken.mp4").write_text("not a video")
    good = sorted(clips.glob("red/*.mp4"))[:2]
    found = list(recognize(model, [good[0], tmp_path / "broken.mp4", good[1]], device=CPU))
    assert [result.error is None for result in found] == [True, False, True]
    assert found[1].to_dict().keys() == {"path", "error"}
    assert str(tmp_path / "broken.mp4") in found[1].error
    assert "\n" not in found[1].error
    assert len(found[2].top_k) == 3


def test_clips_are_joined(model, clips):
    path = next(clips.glob("red/*.mp4"))
    (one,) = recognize(model, path, device=CPU, top_k=3)
    (three,) = recognize(model, path, device=CPU, top_k=3, num_clips=3)
    assert sum(probabilities(three).values()) == pytest.approx(1)
    assert probabilities(one) != probabilities(three)


def test_no_more_than_three_batches_are_read_ahead(model, clips):
    paths = sorted(clips.rglob("*.mp4"))
    taken = []

    def counted():
        for path in paths:
            taken.append(path)
            yield path

    results = recognize(model, counted(), device=CPU, batch_size=2)
    next(results)
    assert len(taken) <= 6
    results.close()
