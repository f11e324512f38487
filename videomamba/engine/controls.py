"""Changes of test clips that show what a model has learnt; each takes and gives videos (B, 3, T, H, W)."""

from collections.abc import Callable

import torch
from torch import Tensor

Change = Callable[[Tensor], Tensor]


def shuffled_frames(seed: int) -> Change:
    """Puts the frames of each clip into a random order of its own; a new function starts the same draws again."""
    generator = torch.Generator().manual_seed(seed)

    def change(video: Tensor) -> Tensor:
        orders = torch.stack([torch.randperm(video.shape[2], generator=generator) for _ in video]).to(video.device)
        return video.gather(2, orders[:, None, :, None, None].expand_as(video))

    return change


def one_frame(video: Tensor) -> Tensor:
    """The middle frame, all the time."""
    middle = video.shape[2] // 2
    return video[:, :, middle : middle + 1].expand_as(video).contiguous()


def reversed_time(video: Tensor) -> Tensor:
    """Each clip backwards."""
    return video.flip(2)
