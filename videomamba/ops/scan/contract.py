"""What a backend of the scan is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from videomamba.ops.scan.direction import ScanDirection


def _saves_nothing(directions: Sequence[ScanDirection], z: Tensor | None) -> list[Tensor]:
    return []


@dataclass(frozen=True)
class ScanBackend:
    """An implementation of the scan, and where it runs.

    Attributes:
        forward: ``(directions, z, *, delta_softplus, save) -> (out, last states, saved)`` as in :mod:`.reference`; B
            and C are (B, L, G, N), with one G, or, with ``takes_constants``, (D, N) float32; all inputs per token have
            one dtype; ``saved`` is empty without ``save``.
        backward: ``(directions, z, saved, grad_out, grad_last_states, *, delta_softplus) -> (a ScanGradients per
            direction, gradient of z or None)``, in the dtypes of the inputs; None where autograd differentiates
            ``forward``.
        saved_like: ``(directions, z)`` -> empty tensors shaped as what ``forward`` saves for ``backward``.
        status: whether it runs on this machine, and which it is or why not, in one line.
        devices: types of devices that it takes (a function: a debugger may move it); None: any.
        dtypes: of u that it takes; None: any.
        automatic: types of devices on which ``auto`` takes it.
        takes_constants: whether it reads B and C that are the same for every token as they are.
    """

    forward: Callable[..., tuple[Tensor, list[Tensor], list[Tensor]]]
    backward: Callable[..., Any] | None
    status: Callable[[], tuple[bool, str]]
    saved_like: Callable[..., list[Tensor]] = _saves_nothing
    devices: Callable[[], tuple[str, ...]] | None = None
    dtypes: tuple[torch.dtype, ...] | None = None
    automatic: tuple[str, ...] = ()
    takes_constants: bool = False

    def takes(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Whether tensors of this device and dtype can be served, on a machine where it runs."""
        return (self.devices is None or device.type in self.devices()) and (self.dtypes is None or dtype in self.dtypes)
