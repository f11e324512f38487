"""What the device does at most in a second: special functions, multiply-adds and bytes, each measured alone."""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from videomamba.benchmark.timing import bytes_per_second, interleaved

_BLOCK, _INNER = 1024, 32


@triton.jit
def special_functions(out, repeat, BLOCK: tl.constexpr, INNER: tl.constexpr):
    """``repeat * INNER`` times 2 to the power of minus x, of BLOCK numbers in registers."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = at.to(tl.float32) * 1e-9
    for _ in range(0, repeat):
        for _ in tl.static_range(0, INNER):
            x = tl.exp2(-x)
    tl.store(out + at, x)


@triton.jit
def multiply_adds(out, repeat, BLOCK: tl.constexpr, INNER: tl.constexpr):
    """``repeat * INNER`` multiply-adds of BLOCK numbers in registers."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = at.to(tl.float32) * 1e-9
    for _ in range(0, repeat):
        for _ in tl.static_range(0, INNER):
            x = x * 0.999 + 0.5
    tl.store(out + at, x)


@dataclass(frozen=True)
class Rates:
    """Per second."""

    special_functions: float
    multiply_adds: float
    bytes: float


@dataclass(frozen=True)
class Work:
    """What a pass cannot do without.

    Attributes:
        special_functions, multiply_adds: numbers of them, of float32.
        bytes: inputs and outputs, each once.
    """

    special_functions: float
    multiply_adds: float
    bytes: float

    def seconds(self, rates: Rates) -> dict[str, float]:
        """Of each alone; the longest binds."""
        return {name: getattr(self, name) / getattr(rates, name) for name in Rates.__dataclass_fields__}


def measured(device: torch.device, *, programs: int = 4096, repeat: int = 64, seconds: float = 0.3) -> Rates:
    """Rates of this device."""
    out = torch.empty(programs * _BLOCK, device=device)
    runs = [
        lambda kernel=kernel: kernel[(programs,)](out, repeat, BLOCK=_BLOCK, INNER=_INNER, num_warps=4)
        for kernel in (special_functions, multiply_adds)
    ]
    work = programs * _BLOCK * repeat * _INNER
    exponentials, fmas = (work / taken for taken in interleaved(runs, device, seconds=seconds))
    return Rates(exponentials, fmas, bytes_per_second(device))


def scan_work(
    batch: int, length: int, size: int, *, directions: int, backward: bool, width: int = 768, states: int = 16
) -> Work:
    """Of a scan with a gate, of numbers of ``size`` bytes.

    An update of a state takes one exponential and four multiply-adds: the exponent, the input, the state, the output.
    The gradient has the states to compute again (three of these, and the exponential) and takes ten for itself: the
    state's gradient (two), those of B, C, the input (three), the exponent's (two), its sums over steps and over states
    (two), y.
    """
    tokens = batch * length
    updates = directions * tokens * width * states
    inputs = tokens * (directions * 2 * (width + states) + width) * size
    if backward:
        return Work(updates, 13 * updates, 2 * inputs + tokens * width * size)
    return Work(updates, 4 * updates, inputs + tokens * width * size)
