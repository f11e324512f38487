"""Whether a submodule is exactly what this package built, so that a kernel may replace it.

Adapters (LoRA), quantisation, parametrisations and hooks replace or wrap it: then it is called.
"""

import torch
from torch import Tensor, nn


def is_stock(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether calling a module is nothing but ``kind``'s own forward: its very class, no hooks, no other ``forward``.

    Global hooks (``register_module_forward_hook``) do not count: profilers set them, and would then measure
    different work.
    """
    hooked = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    return type(module) is kind and not hooked and "forward" not in vars(module)


def parameter_dtype(module: nn.Module, like: Tensor) -> torch.dtype:
    """The dtype of a module's first parameter; that of ``like`` for one without, as quantised modules are."""
    return next(module.parameters(), like).dtype
