"""The figure to beat: a linear classifier on the mean and the deviation of 16 x 16 grey frames of a clip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from videomamba.data.annotations import Annotations, VideoRecord
from videomamba.data.datasets.epochs import EpochDataset
from videomamba.data.errors import VideoError
from videomamba.data.loader import loader_failures, make_loader
from videomamba.data.reader import VideoReader
from videomamba.data.splits import Splits

SIDE, FRAMES = 16, 16
MOST = 2000  # videos of each part that are looked at
_STRENGTHS = (1.0, 1e-1, 1e-2, 1e-3)  # of the weights' L2 penalty
_GREY = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)  # ITU-R BT.601


@dataclass(frozen=True)
class Baseline:
    """What a linear classifier reaches.

    Attributes:
        top1: share of the test videos, in [0, 1].
        train: videos that it learnt from.
        test: videos that it was tested on.
    """

    top1: float
    train: int
    test: int


def linear_baseline(
    splits: Splits, *, workers: int = 0, progress: Callable[[int, int], None] | None = None
) -> Baseline:
    """Multinomial logistic regression on the mean and the deviation over time of 16 evenly spread 16 x 16 grey frames.

    It sees no order of frames, no colour and no detail: a model that stays below has learnt little of the videos. At
    most 2,000 videos of each part are used, evenly spread; files that cannot be read are left out.

    Args:
        splits: of class annotations.
        workers: processes that read.
        progress: called with videos read and videos in all.

    Raises:
        VideoError: no video of a part can be read.
    """
    assert isinstance(splits.train, Annotations)
    assert isinstance(splits.test, Annotations)
    total = sum(min(len(part), MOST) for part in (splits.train, splits.test))
    told = progress or (lambda done, total: None)
    train, labels = _features(splits.train, workers, lambda done: told(done, total))
    test, truth = _features(splits.test, workers, lambda done: told(min(len(splits.train), MOST) + done, total))
    mean, deviation = train.mean(0), train.std(0, correction=0).clamp(min=1e-6)
    weights = _best_fit((train - mean) / deviation, labels, len(splits.train.class_names))
    return Baseline(_right(weights, (test - mean) / deviation, truth), len(train), len(test))


class _Grey(EpochDataset[dict[str, Tensor]]):
    """Features of each video: (512,) float64, and its label, -1 where it cannot be read."""

    def __init__(self, records: Sequence[VideoRecord]) -> None:
        super().__init__()
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        record = self.records[index]
        try:
            with VideoReader(record.path) as reader:
                evenly = torch.linspace(0, reader.num_frames - 1, FRAMES).round().long().tolist()
                frames = reader.read(evenly, short_side=4 * SIDE).frames
        except VideoError:
            return {"features": torch.zeros(2 * SIDE * SIDE, dtype=torch.float64), "label": torch.tensor(-1)}
        small = resize(frames, [SIDE, SIDE], antialias=True).double()
        grey = torch.einsum("tcij,c->tij", small, _GREY).flatten(1)
        return {
            "features": torch.cat([grey.mean(0), grey.std(0, correction=0)]),
            "label": torch.tensor(record.label),
        }


@loader_failures()
def _features(part: Annotations, workers: int, read: Callable[[int], object]) -> tuple[Tensor, Tensor]:
    """(N, 512) float64 and labels (N,) of the videos that can be read; ``read`` is called with how many were tried."""
    dataset = _Grey(part.records[:: -(-len(part) // MOST)])
    features, labels = [], []
    for batch in make_loader(dataset, batch_size=8, shuffle=False, num_workers=workers):
        features.append(batch["features"])
        labels.append(batch["label"])
        read(sum(map(len, labels)))
    label = torch.cat(labels)
    if not (label >= 0).any():
        raise VideoError("no video of this part can be read")
    return torch.cat(features)[label >= 0], label[label >= 0]


def _best_fit(x: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Weights with the penalty that does best on every fifth video, fitted to all."""
    held_out = torch.arange(len(x)) % 5 == 0

    def right(strength: float) -> float:
        return _right(_fit(x[~held_out], labels[~held_out], classes, strength), x[held_out], labels[held_out])

    best = max(_STRENGTHS, key=right) if len(x) >= 10 else _STRENGTHS[-1]
    return _fit(x, labels, classes, best)


def _fit(x: Tensor, labels: Tensor, classes: int, strength: float) -> Tensor:
    """Weights (classes, features + 1) of least penalised cross-entropy."""
    x = F.pad(x, (0, 1), value=1.0)
    weights = torch.zeros(classes, x.shape[1], dtype=x.dtype, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = F.cross_entropy(x @ weights.T, labels) + strength / 2 * weights[:, :-1].square().sum()
        value.backward()
        return value

    solver.step(loss)
    return weights.detach()


def _right(weights: Tensor, x: Tensor, labels: Tensor) -> float:
    return ((F.pad(x, (0, 1), value=1.0) @ weights.T).argmax(1) == labels).double().mean().item()
