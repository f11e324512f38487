"""What a VideoMamba costs at least on this CPU: its parts alone, each as fast as the machine allows.

*Products*: the model's matrix products, same shapes, by the library that the model takes, one after the other, on
tensors of one block that stay warm; for training those of the backward pass too. *Scan*: its arithmetic on data in the
first-level cache. *Convolution* and *optimizer*: their bytes once, at the bandwidth of copying.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from videomamba.models.config import VideoMambaConfig
from videomamba.ops.mixer.product import linear
from videomamba.ops.native import library

PARTS = ("products", "scan", "convolution", "optimizer")


@dataclass(frozen=True)
class Floor:
    """Runs to be timed, and bytes to be moved, that together are the floor of a pass.

    Attributes:
        products: runs the matrix products.
        scan: runs the scan's arithmetic.
        convolution: bytes of x, once, and of what both directions make of it; for training of the gradients too.
        optimizer: bytes of AdamW's step; 0 for a forward pass.
    """

    products: Callable[[], None]
    scan: Callable[[], None]
    convolution: int
    optimizer: int

    def parts(self, products: float, scan: float, bytes_per_second: float) -> dict[str, float]:
        """Seconds of each of ``PARTS``, from those of the runs."""
        moved = (self.convolution / bytes_per_second, self.optimizer / bytes_per_second)
        return dict(zip(PARTS, (products, scan, *moved), strict=True))


def has_floor(config: object, device: torch.device) -> bool:
    """Whether the floor is known: of a VideoMamba, on a CPU with the compiled kernels."""
    return isinstance(config, VideoMambaConfig) and device.type == "cpu" and library.available()[0]


def floor_of(config: VideoMambaConfig, batch: int, *, training: bool, dtype: torch.dtype, parameters: int) -> Floor:
    """The floor of a pass over ``batch`` clips.

    Args:
        config: of the model, at its input size; only where :func:`has_floor`.
        training: forward, backward and AdamW's step, instead of forward alone.
        dtype: of the products' operands.
        parameters: numbers that AdamW updates.
    """
    tokens, inner = math.prod(config.grid) + 1, config.expand * config.embed_dim
    values = batch * tokens * inner  # of one direction's channels
    kernels = library.best()
    vectors = 2 * config.depth * values // kernels.lanes

    def scan() -> None:
        for what in ("forward", "backward") if training else ("forward",):
            kernels.run_floor(what, vectors, config.d_state, torch.get_num_threads())

    # x, both results; back: x, both gradients, that of x
    passed = (3 + (4 if training else 0)) * config.depth * values * dtype.itemsize
    # read: weight, gradient, both moments; write: all but the gradient
    updated = 7 * 4 * parameters if training else 0
    return Floor(_products(config, batch, training, dtype), scan, passed, updated)


def _products(config: VideoMambaConfig, batch: int, training: bool, dtype: torch.dtype) -> Callable[[], None]:
    patches = math.prod(config.grid)
    rows, dim, inner = batch * (patches + 1), config.embed_dim, config.expand * config.embed_dim
    rank = -(-dim // 16)
    of_block = [
        (rows, dim, 2 * inner),
        *2 * [(rows, inner, rank + 2 * config.d_state), (rows, rank, inner)],
        (rows, inner, dim),
    ]
    pixels = 3 * config.tubelet_size * config.patch_size**2
    block = [_Product(*shape, dtype) for shape in of_block]
    patch = _Product(batch * patches, pixels, dim, dtype)
    head = _Product(batch, dim, max(1, config.num_classes), torch.float32)

    def run() -> None:
        patch.forward()
        for _ in range(config.depth):
            for product in block:
                product.forward()
        head.forward()
        if training:
            head.backward()
            for _ in range(config.depth):
                for product in block:
                    product.backward()
            patch.of_weight()

    return run


class _Product:
    """``x @ weight.T`` and its gradients."""

    def __init__(self, rows: int, inputs: int, outputs: int, dtype: torch.dtype) -> None:
        self.x, self.weight = (torch.randn(n, inputs, dtype=dtype) for n in (rows, outputs))
        self.grad = torch.randn(rows, outputs, dtype=dtype)

    def forward(self) -> Tensor:
        return linear(self.x, self.weight)

    def of_weight(self) -> Tensor:
        return self.grad.T @ self.x

    def backward(self) -> None:
        self.of_weight()
        linear(self.grad, self.weight.T)
