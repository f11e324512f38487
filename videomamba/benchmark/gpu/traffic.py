"""Bytes that the Triton kernels move between memory and processors, counted from the arguments of their launches.

    python -m videomamba.benchmark.gpu.traffic          # a table at B 64, L 1569, bfloat16

Every tensor that a launch reads counts once, and so does every one that it writes: what a program reads again soon (B
and C for the next channels, a chunk that is run again) is in the cache. tests/benchmark/gpu/test_traffic.py compares
this with the addresses that the kernels touch in Triton's interpreter.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from videomamba.benchmark.gpu.compiled import drawn, launches
from videomamba.ops.scan.triton_launch import Launch
from videomamba.tables import as_markdown

# what a launch reads and writes: fields of its sides, then arguments of its own
_READ = {
    "span_ends": (("u", "delta", "B", "A", "bias", "order"), ()),
    "stitch": (("starts", "sums", "A", "first"), ()),
    "outputs": (("u", "delta", "B", "C", "A", "D", "bias", "order", "starts"), ("z", "before")),
    "span_carries": (("delta", "C", "A", "bias", "order"), ("z", "grad_out")),
    "gradients": (("u", "delta", "B", "C", "A", "D", "bias", "order", "kept", "starts"), ("z", "grad_out", "before")),
}
_WRITTEN = {
    "span_ends": (("starts", "sums"), ()),
    "stitch": (("starts",), ()),
    "outputs": (("kept", "last"), ("out",)),
    "span_carries": (("starts", "sums"), ()),
    "gradients": (
        ("starts",),
        ("y_out", "grad_z", "grad_u", "grad_delta", "grad_A", "grad_D", "grad_bias", "grad_B", "grad_C"),
    ),
}
_SHARES = ("grad_A", "grad_D", "grad_bias", "grad_B", "grad_C")  # PyTorch reads these once more, to sum them


@dataclass(frozen=True)
class Moved:
    """Bytes."""

    read: int
    written: int

    @property
    def total(self) -> int:
        return self.read + self.written


def tensors(launch: Launch, *, written: bool) -> Iterator[tuple[str, Tensor]]:
    """What a launch reads or writes, by name."""
    of_sides, own = (_WRITTEN if written else _READ)[launch.name]
    sides = [launch.arguments[name] for name in ("first", "second", "side") if launch.arguments.get(name) is not None]
    for side in sides:
        names: Sequence[str] = of_sides
        if launch.name == "outputs" and not written and side.starts is None:
            names = (*of_sides, "first")
        yield from ((name, x) for name in names if (x := getattr(side, name)) is not None)
    yield from ((name, x) for name in own if (x := launch.arguments[name]) is not None)
    if launch.name == "outputs" and written and len(sides) == 2:
        yield "before", launch.arguments["before"]


def moved(launch: Launch) -> Moved:
    """Bytes of one launch."""
    return Moved(*(sum(_bytes(x) for _, x in tensors(launch, written=written)) for written in (False, True)))


def summed(launch: Launch) -> Moved:
    """Bytes of PyTorch's sums of what the programs of a launch each have a share of."""
    given = [x for name in _SHARES if (x := launch.arguments.get(name)) is not None]
    return Moved(sum(map(_bytes, given)), sum(_bytes(x[0]) for x in given))


def must_move(batch: int, length: int, *, backward: bool, **options: Any) -> int:
    """Bytes of both directions' inputs and of the output, each once; or of these inputs and all gradients."""
    directions, z = drawn(batch, length, **options)
    inputs = sum(_bytes(x) for d in directions for x in d[:8] if x is not None) + _bytes(z)
    return 2 * inputs + _bytes(z) if backward else inputs + _bytes(z)


def table(batch: int, length: int, **options: Any) -> str:
    """Markdown: every launch of a forward pass that is differentiated and of its gradient, and their sums."""
    forward: list[Launch] = []
    backward: list[Launch] = []
    for launch in launches(batch, length, **options):
        (backward if launch.name in ("span_carries", "gradients") or backward else forward).append(launch)
    lines = []
    for what, group in (("forward", forward), ("backward", backward)):
        total = 0
        for launch in group:
            for name, bytes_ in ((launch.name, moved(launch)), ("sums of shares", summed(launch))):
                total += bytes_.total
                if bytes_.total:
                    lines.append([what, name, f"{launch.programs:,}" if name == launch.name else "",
                                  _gigabytes(bytes_.read), _gigabytes(bytes_.written)])  # fmt: skip
        least = must_move(batch, length, backward=what == "backward", **options)
        ratio = f"{total / least:.2f} times the {_gigabytes(least)} that must move"
        lines.append([what, "**all**", "", f"**{_gigabytes(total)}**", ratio])
    return as_markdown(("pass", "launch", "programs", "GB read", "GB written"), lines)


def _bytes(x: Tensor) -> int:
    """Of a tensor's elements, each once, without the gaps between rows that it does not own."""
    return math.prod(size for size, stride in zip(x.shape, x.stride(), strict=True) if stride) * x.element_size()


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3f}"


if __name__ == "__main__":
    print(table(64, 1569), end="")
    sys.exit(0)
