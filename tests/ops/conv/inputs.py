"""Random inputs of a convolution."""

import torch


def inputs_of(length, taps=4):
    generator = torch.Generator().manual_seed(length)
    shapes = ((2, length, 5), (5, taps), (5,))
    return [torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in shapes]
