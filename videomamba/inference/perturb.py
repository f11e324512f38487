"""Changes of test clips that show what a model has learnt; each maps videos (B, 3, T, H, W) to videos.

The paper tests three shuffles of the frames without defining them; these range from mild to severe.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Change = Callable[[Tensor], Tensor]


def shuffled_frames(seed: int) -> Change:
    """Puts the frames of each clip into a random order of its own; a new function repeats the same draws."""
    generator = torch.Generator().manual_seed(seed)

    def change(video: Tensor) -> Tensor:
        orders = torch.stack([torch.randperm(video.shape[2], generator=generator) for _ in video]).to(video.device)
        return video.gather(2, orders[:, None, :, None, None].expand_as(video))

    return change


def one_frame(video: Tensor) -> Tensor:
    """The middle frame, repeated."""
    middle = video.shape[2] // 2
    return video[:, :, middle : middle + 1].expand_as(video).contiguous()


def reversed_time(video: Tensor) -> Tensor:
    """Each clip backwards."""
    return video.flip(2)


def block_wise(video: Tensor) -> Tensor:
    """Four contiguous blocks in the order 3 1 4 2, frames inside a block in order.

    Of four blocks, only this order and its mirror image leave no neighbours next to each other. Where T is not
    divisible by four, the first blocks are one frame longer.
    """
    first, second, third, fourth = torch.arange(video.shape[2], device=video.device).tensor_split(4)
    return video[:, :, torch.cat([third, first, fourth, second])]


def pairwise(video: Tensor) -> Tensor:
    """Neighbours swapped: 2 1 4 3 ...; the last of an odd number stays."""
    order = torch.arange(video.shape[2], device=video.device)
    even = len(order) // 2 * 2
    order[:even] = order[:even].view(-1, 2).flip(1).flatten()
    return video[:, :, order]


def interleaved(video: Tensor) -> Tensor:
    """First and second half alternating: 1, T/2 + 1, 2, T/2 + 2, ...; of an odd number the first half has one more."""
    frames = video.shape[2]
    half = (frames + 1) // 2
    order = torch.arange(2 * half, device=video.device).view(2, half).T.flatten()
    return video[:, :, order[order < frames]]


def as_they_are(video: Tensor) -> Tensor:
    """No change."""
    return video


# in the paper's order
SHUFFLES: dict[str, Change] = {
    "interleaved": interleaved,
    "pairwise": pairwise,
    "block_wise": block_wise,
    "none": as_they_are,
}
