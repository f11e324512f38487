"""Random frames and delta maps."""

import torch

_CHANCE = torch.Generator().manual_seed(0)
FRAMES = torch.randint(0, 256, (4, 3, 32, 48), dtype=torch.uint8, generator=_CHANCE)
MAPS = torch.rand(6, 2, 2, 4, 6, generator=_CHANCE) * torch.logspace(-2, 0, 6)[:, None, None, None, None] + 1e-3
