"""How the work of the Triton kernels is divided, and their launches, which can be recorded instead of run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch

CHUNK = 32  # places from one kept state to the next
WARPS_PER_PROCESSOR = 18  # hides latency: more spans than that would only compute more


@dataclass(frozen=True)
class Config:
    """What can be tuned; see :mod:`.triton_tuning`.

    Attributes:
        steps: of a tile.
        channels: of a block.
        lanes: threads that share the states of a channel.
        warps: of a program.
        stages: of loads in a loop.
    """

    steps: int = 4
    channels: int = 64
    lanes: int = 4
    warps: int = 4
    stages: int = 2

    def fitting(self, per_group: int, states: int) -> "Tile":
        """For a group of so many channels of so many states."""
        padded = next_power_of_2(states)
        lanes = min(self.lanes, padded)
        channels = min(self.channels, next_power_of_2(per_group))
        return Tile(self.steps, channels, padded // lanes, lanes)


@dataclass(frozen=True)
class Tile:
    """T, BD, NA, NB of the kernels."""

    T: int
    BD: int
    NA: int
    NB: int


@dataclass(frozen=True)
class Launch:
    """A kernel's launch.

    Attributes:
        kernel: of :mod:`.triton_kernels` or :mod:`.triton_gradients`.
        programs: of its grid, which has one axis: that of 2^31 - 1 programs.
        arguments: by name.
        meta: constants and options of the compiler.
    """

    kernel: Any
    programs: int
    arguments: dict[str, Any]
    meta: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.kernel.__name__)


_RECORD: ContextVar[list[Launch] | None] = ContextVar("launches", default=None)


@contextmanager
def recorded() -> Iterator[list[Launch]]:
    """Launches within the block are written down, not run: tensors may be on the device ``meta``."""
    launches: list[Launch] = []
    token = _RECORD.set(launches)
    try:
        yield launches
    finally:
        _RECORD.reset(token)


def launch(kernel: Any, programs: int, arguments: dict[str, Any], **meta: Any) -> None:
    """One axis of programs; nothing for none."""
    launches = _RECORD.get()
    if launches is not None:
        launches.append(Launch(kernel, programs, arguments, meta))
    elif programs:
        kernel[(programs,)](**arguments, **meta)


@dataclass(frozen=True)
class Division:
    """Programs of a pass over one direction.

    Attributes:
        blocks: of channels of a group; of the gradients: blocks that a program takes in turn count as one.
        repeat: blocks that a program takes in turn.
        span: chunks of a span.
        spans: of the sequence.
        programs: of one direction.
    """

    blocks: int
    repeat: int
    span: int
    spans: int
    programs: int


def divided(
    batch: int,
    length: int,
    groups: int,
    per_group: int,
    block: int,
    warps: int,
    processors: int,
    *,
    shared: bool,
    span: int = 0,
) -> Division:
    """Programs that fill the device, by spans if blocks and batch are too few.

    Args:
        shared: a program takes blocks in turn if there are more than enough.
        span: chunks of a span, where it is not to be chosen.
    """
    chunks, blocks = max(1, ceil_div(length, CHUNK)), ceil_div(per_group, block)
    wanted = max(1, processors * WARPS_PER_PROCESSOR // warps)
    rows = max(1, batch * groups)
    repeat = min(blocks, max(1, rows * blocks // wanted)) if shared else 1
    blocks = ceil_div(blocks, max(1, repeat))
    span = span or ceil_div(chunks, min(chunks, max(1, wanted // max(1, rows * blocks))))
    spans = ceil_div(chunks, span)
    return Division(blocks, repeat, span, spans, batch * groups * blocks * spans)


def processors_of(device: torch.device) -> int:
    if device.type == "cpu":  # the interpreter: a few spans, so that they are tested
        return 4
    if device.type == "meta":  # of an H100, for launches that are recorded
        return 132
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET") == "1"


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def next_power_of_2(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()
