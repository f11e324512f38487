"""Evaluation counts each clip once, joins views, and leaves the model as it was."""

import pytest
import torch

from tests.tiny import MODEL
from videomamba.data import Annotations, VideoRecord
from videomamba.engine import evaluate, evaluation_loader
from videomamba.engine.device import make_accelerator
from videomamba.models import create_model
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")
TASK = Recognition(NAMES)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return create_model("videomamba_nano", class_names=NAMES, **MODEL)


@pytest.fixture(scope="module")
def records(clips):
    return [VideoRecord(path, i % 3) for i, path in enumerate(sorted(clips.glob("*/*.mp4"))[:7])]


def run(model, records, *, batch_size, num_clips=1, **options):
    part = Annotations(tuple(records), NAMES)
    loader = evaluation_loader(TASK, part, model.preprocessing, batch_size=batch_size, workers=0, num_clips=num_clips)
    return evaluate(model, TASK, loader, make_accelerator("cpu"), **options)


def by_hand(model, records, num_clips=1, change=lambda video: video):
    """Probabilities clip by clip."""
    dataset = TASK.test_dataset(Annotations(tuple(records), NAMES), model.preprocessing, num_clips=num_clips)
    model.eval()
    with torch.no_grad():
        views = [item["video"].view(-1, 3, 4, 32, 32) for item in (dataset[i] for i in range(len(dataset)))]
        return torch.stack([model(change(video)).softmax(-1).mean(0) for video in views])


@pytest.mark.parametrize("num_clips", [1, 3])
def test_every_batch_size_gives_the_figures_of_single_clips(model, records, num_clips):
    probabilities = by_hand(model, records, num_clips)
    labels = torch.tensor([record.label for record in records])
    hits = (probabilities.argmax(-1) == labels).float()
    for batch_size in (1, 3, 7):  # 3: the last batch has one clip
        report = run(model, records, batch_size=batch_size, num_clips=num_clips)
        assert report["count"] == 7
        assert report["top1"] == pytest.approx(hits.mean().item())
        want = {name: hits[labels == i].mean().item() for i, name in enumerate(NAMES)}
        assert report["per_class"] == pytest.approx(want)
        if num_clips == 1:
            loss = torch.nn.functional.nll_loss(probabilities.log(), labels)
            assert report["loss"] == pytest.approx(loss.item(), rel=1e-4)


def test_views_differ(model, records):
    assert not torch.allclose(by_hand(model, records, 3), by_hand(model, records, 1), atol=1e-7)


def test_the_change_reaches_the_model(model, records):
    probabilities = by_hand(model, records, change=torch.zeros_like)
    assert (probabilities[0] - by_hand(model, records)[0]).abs().max() > 1e-6
    winner = probabilities[0].argmax().item()
    report = run(model, records, batch_size=2, change=torch.zeros_like)
    assert report["top1"] == sum(record.label == winner for record in records) / 7


def test_the_mode_stays_and_batches_are_told(model, records):
    told = []
    for mode in (True, False):
        model.train(mode)
        run(model, records, batch_size=4, on_batch=lambda *seen: told.append(seen))
        assert model.training is mode
    assert told == [(1, 2), (2, 2)] * 2
