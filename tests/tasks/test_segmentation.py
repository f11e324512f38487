"""The task: its loss against the formula, its figures at the rate of the labels."""

import pytest
import torch
import torch.nn.functional as F

from tests.mstcn_folder import write_mstcn
from videomamba.data.datasets.mstcn import read_mstcn
from videomamba.models import FeaturePreprocessing, create_model
from videomamba.tasks.catalogue import make_task
from videomamba.tasks.segmentation import Segmentation

NAMES = ("a", "b", "background")


def random_batch(lengths=(9, 6), stages=2):
    generator = torch.Generator().manual_seed(0)
    valid = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    label = torch.randint(0, 3, valid.shape, generator=generator).masked_fill(~valid, -1)
    outputs = torch.randn(len(lengths), stages, 3, max(lengths), generator=generator) * 8
    batch = {"label": label, "truth": label, "valid": valid, "stride": torch.ones(len(lengths), dtype=torch.int64)}
    return outputs, {**batch, "index": torch.arange(len(lengths))}


def test_the_loss_is_the_published_one():
    task = Segmentation(NAMES)
    outputs, batch = random_batch()
    expected = 0.0
    for stage in outputs.unbind(1):
        cross, smooth = [], []
        for logits, label in zip(stage, batch["label"], strict=True):
            n = int((label >= 0).sum())
            log_p = logits[:, :n].log_softmax(0)
            cross += [-log_p[label[t], t] for t in range(n)]
            smooth += [min(16.0, float(log_p[c, t] - log_p[c, t - 1]) ** 2) for t in range(1, n) for c in range(3)]
        assert max(smooth) == 16.0  # the limit is felt
        expected += sum(cross) / len(cross) + 0.15 * sum(smooth) / len(smooth)
    assert task.loss(outputs, batch).item() == pytest.approx(float(expected), rel=1e-5)


def test_smoothness_pulls_the_later_frame_only():
    task = Segmentation(NAMES)
    outputs = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).T[None, None].requires_grad_()
    batch = {"label": torch.tensor([[0, 1]])}
    ours = torch.autograd.grad(task.loss(outputs, batch), outputs)[0]
    cross = F.cross_entropy(outputs[:, 0], batch["label"])
    difference = ours - torch.autograd.grad(cross, outputs)[0]
    assert difference[..., 0].abs().max() == 0
    assert difference[..., 1].abs().max() > 0.01


def test_one_frame_has_no_smoothness():
    outputs, batch = random_batch(lengths=(1,))
    assert Segmentation(NAMES).loss(outputs, batch).isfinite()


def test_padding_is_neither_right_nor_counted():
    task = Segmentation(NAMES)
    outputs, batch = random_batch()
    last = outputs[:, -1].argmax(1)
    for i, n in enumerate((9, 6)):
        share = (last[i, :n] == batch["label"][i, :n]).float().mean()
        assert task.correct(outputs, batch)[i] == pytest.approx(share.item())
    metrics = task.metrics()
    metrics.update(task.scores(outputs.unsqueeze(1)), batch)
    metrics.update(task.scores(outputs.unsqueeze(1)), batch)  # a padded sample of another process
    report = metrics.report()
    assert report["count"] == 2
    assert [len(report["predictions"][i]) for i in range(2)] == [9, 6]
    assert report["MoF"] == pytest.approx(100 * (last == batch["label"]).sum().item() / 15)


def test_figures_are_at_the_rate_of_the_labels():
    task = Segmentation(NAMES)
    truth = torch.tensor([[0, 0, 0, 1, 1, 1, 1]])
    outputs = F.one_hot(torch.tensor([[0, 1, 1]]), 3).float().transpose(1, 2)[:, None, None] * 9
    metrics = task.metrics()
    batch = {"truth": truth, "stride": torch.tensor([3]), "index": torch.tensor([4])}
    metrics.update(task.scores(outputs), batch)
    assert metrics.report()["MoF"] == 100.0
    assert metrics.report()["predictions"] == {4: truth[0].tolist()}


def test_predictions_are_segments():
    scores = F.one_hot(torch.tensor([[1, 1, 0]]), 3).float().transpose(1, 2)
    assert Segmentation(NAMES).predictions(scores, 1)[0] == [
        {"label": "b", "index": 1, "start": 0, "end": 2, "probability": 1.0},
        {"label": "a", "index": 0, "start": 2, "end": 3, "probability": 1.0},
    ]


def test_batches_and_single_videos_have_one_loss(tmp_path):
    """Through the data set, the collation and the model."""
    torch.manual_seed(0)
    part = read_mstcn(write_mstcn(tmp_path / "d"))["train"]
    task = make_task("segmentation", part.class_names)
    model = create_model("asformer_ssm", input_dim=6, num_classes=3, num_layers=3, embed_dim=16).eval()
    dataset = task.test_dataset(part, FeaturePreprocessing())
    samples = [dataset[i] for i in range(3)]
    together = task.outputs(model, task.collate(samples))
    for i, sample in enumerate(samples):
        alone = task.outputs(model, task.collate([sample]))
        torch.testing.assert_close(together[i : i + 1, ..., : alone.shape[-1]], alone, atol=1e-5, rtol=1e-4)


def test_mistakes_are_one_line():
    with pytest.raises(ValueError, match="occurs twice"):
        Segmentation(["a", "a"])
    with pytest.raises(ValueError, match="at least 2"):
        Segmentation(["a"])
    with pytest.raises(ValueError, match="a model of sequences, not VideoMamba"):
        Segmentation(NAMES).check_model(create_model("videomamba_nano"))
    with pytest.raises(ValueError, match="tested whole"):
        Segmentation(NAMES).test_dataset(None, FeaturePreprocessing(), num_clips=2)
