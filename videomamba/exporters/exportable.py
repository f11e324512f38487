"""A model as a function of tensors alone, with inputs to trace it and others to check the file with."""

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim

from videomamba.errors import UserError
from videomamba.models import Detector, PretrainedModel, Segmenter, VideoMamba, VideoMambaConfig

_MOST = 2**16  # videos, boxes or steps


class _Detection(nn.Module):
    """(B, 3, T, H, W) and (B, K, 4) boxes to (B, K, num_classes) logits, whatever K is: all boxes are there."""

    def __init__(self, model: Detector) -> None:
        super().__init__()
        self.model = model

    def forward(self, video: Tensor, boxes: Tensor) -> Tensor:
        batch, count = boxes.shape[:2]
        index = torch.arange(batch, device=boxes.device)[:, None, None].expand(batch, count, 1)
        rois = torch.cat([index.to(boxes), boxes], 2).flatten(0, 1)
        found = self.model.features_at(self.model.frame_features(video), rois)
        logits: Tensor = self.model.head(found).unflatten(0, (batch, count))
        return logits


class _Segmentation(nn.Module):
    """(B, C, T) features to the last stage's logits (B, num_classes, T)."""

    def __init__(self, model: Segmenter) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.model(features)[-1]
        return logits


@dataclasses.dataclass(frozen=True)
class Exportable:
    """What is written to a file.

    Attributes:
        model: whose weights, names and preprocessing.
        module: maps the inputs to ``logits``.
        names: of the inputs.
        example: the inputs that it is traced with.
        dynamic: names of the axes whose length is free, per input.
        others: inputs of other lengths, to check the file with.
    """

    model: PretrainedModel
    module: nn.Module
    names: tuple[str, ...]
    example: tuple[Tensor, ...]
    dynamic: tuple[dict[int, str], ...]
    others: Sequence[tuple[Tensor, ...]]

    @property
    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """For ``torch.export``."""
        dims = {name: Dim(name, min=1, max=_MOST) for axes in self.dynamic for name in axes.values()}
        return tuple({axis: dims[name] for axis, name in axes.items()} for axes in self.dynamic)


def exportable(
    model: PretrainedModel, *, num_frames: int | None, img_size: int | tuple[int, int] | None, batch: int | None
) -> Exportable:
    """A float32 copy of the model on the CPU, at another input size if one is given, and its inputs.

    Args:
        model: of any task.
        num_frames, img_size: of the videos; None: the model's own.
        batch: videos at a time; None: any number.

    Raises:
        UserError: a size that the model cannot have, or one for a model of features.
    """
    model = copy.deepcopy(model).float().cpu().eval()
    if num_frames is not None or img_size is not None:
        _resize(model, num_frames, img_size)
    if isinstance(model, Segmenter):
        return _segmentation(model, batch)
    clip = model.preprocessing
    videos = [_random(count, 3, clip.num_frames, *clip.size) for count in _counts(batch)]
    free = {} if batch is not None else {0: "batch"}
    if isinstance(model, Detector):
        pairs = [(video, _boxes(len(video), 3 + i, clip.size)) for i, video in enumerate(videos)]
        axes = (free, {**free, 1: "boxes"})
        return Exportable(model, _Detection(model), ("video", "boxes"), pairs[0], axes, pairs[1:])
    return Exportable(model, model, ("video",), (videos[0],), (free,), [(video,) for video in videos[1:]])


def _segmentation(model: Segmenter, batch: int | None) -> Exportable:
    free = {2: "length"} if batch is not None else {0: "batch", 2: "length"}
    lengths = (64, 5, 150)
    counts = _counts(batch)
    inputs = [(_random(counts[i % len(counts)], model.config.input_dim, length),) for i, length in enumerate(lengths)]
    return Exportable(model, _Segmentation(model), ("features",), inputs[0], (free,), inputs[1:])


def _counts(batch: int | None) -> tuple[int, ...]:
    return (2, 1) if batch is None else (batch,)  # a batch of one would be taken for a constant while tracing


def _resize(model: PretrainedModel, num_frames: int | None, img_size: int | tuple[int, int] | None) -> None:
    network = model.backbone if isinstance(model, Detector) else model
    if not isinstance(network, VideoMamba):
        raise UserError(f"{type(model).__name__} takes no other size; leave out frames and size")
    network.set_input_size(num_frames, img_size)
    clip, config = network.config, cast(VideoMambaConfig, model.config)
    model.config = dataclasses.replace(config, num_frames=clip.num_frames, img_size=clip.img_size)
    model.preprocessing = dataclasses.replace(model.preprocessing, num_frames=clip.num_frames, size=clip.height_width)


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _boxes(batch: int, count: int, size: tuple[int, int]) -> Tensor:
    """(B, K, 4) x1, y1, x2, y2 in pixels."""
    corners = torch.rand(batch, count, 2, 2, generator=torch.Generator().manual_seed(count)).sort(2).values
    return corners.flatten(2) * torch.tensor([size[1], size[0]] * 2)
