"""Mixup and CutMix of whole clips: torchvision's, with labels that become shares of classes."""

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from videomamba.errors import FieldError
from videomamba.tasks.task import Batch


class Mixing:
    """Mixes the clips of a training batch; without strength it gives the batch as it is.

    The class indices (B,) become shares (B, C). Each batch takes mixup or cutmix with equal chance where both have a
    strength. The rectangle of cutmix is the same in all frames.

    Args:
        mixup, cutmix: parameter alpha of the Beta distribution that the share is drawn from; 0 for none.
        num_classes: C.
        label: the batch's entry with the class indices; None refuses to mix.

    Raises:
        FieldError: clips of this task cannot be mixed.
    """

    def __init__(self, mixup: float, cutmix: float, num_classes: int, *, label: str | None) -> None:
        kinds = [(v2.MixUp, mixup), (v2.CutMix, cutmix)]
        self.kinds = [kind(alpha=alpha, num_classes=num_classes) for kind, alpha in kinds if alpha > 0]
        if self.kinds and label is None:
            raise FieldError(
                "{mixup} and {cutmix} need one label per clip, which this task does not have",
                mixup=mixup,
                cutmix=cutmix,
            )
        self.label = label or ""

    def __call__(self, batch: Batch) -> dict[str, Any]:
        if not self.kinds:
            return dict(batch)
        mix = self.kinds[int(torch.randint(len(self.kinds), ()))]
        frames_first = tv_tensors.Video(batch["video"].transpose(1, 2))  # as torchvision has its videos
        videos, labels = mix(frames_first, batch[self.label])
        return {**batch, "video": videos.as_subclass(Tensor).transpose(1, 2), self.label: labels}
