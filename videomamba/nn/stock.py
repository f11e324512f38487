"""Whether a submodule is just what this package built, so that a kernel may do its work.

Adapters (LoRA), quantisation, parametrisations and hooks put something else in its place or around it: then it is
called.
"""

import torch
from torch import Tensor, nn


def is_stock(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether calling a module is nothing but ``kind``'s own forward: its very class, no hooks, no other ``forward``.

    Hooks of the whole process (``register_module_forward_hook``) do not count: profilers set them, and would then see
    other work than they profile.
    """
    hooked = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    return type(module) is kind and not hooked and "forward" not in vars(module)


def parameter_dtype(module: nn.Module, like: Tensor) -> torch.dtype:
    """The dtype of a module's first parameter; that of ``like`` for one without, as quantised modules are."""
    return next(module.parameters(), like).dtype
