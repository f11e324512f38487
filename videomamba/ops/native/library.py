"""Finds the compiled kernels that suit this CPU and loads them; mirrors the structures of ``interface.h``."""

import ctypes
import warnings
from contextlib import nullcontext
from ctypes import POINTER, Structure, c_int32, c_int64, c_size_t, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import torch  # first: its OpenMP pool is the one the kernels then share
from torch import Tensor
from torch.autograd.profiler import record_function

from videomamba.errors import UserError
from videomamba.notes import UserNote

_INT64 = c_int64

# names of ATen's levels (torch.backends.cpu.get_cpu_capability), each with the kernels it can run, best first
_RUNS = {
    "AVX512": ("avx512", "avx2", "portable"),
    "AVX2": ("avx2", "portable"),
}
_PROBLEMS = {
    1: "order is not a permutation of 0 ... L-1: every token must be visited exactly once",
    2: "not enough memory for a kernel's workspace: use a smaller batch or shorter clips",
}


class CTensor(Structure):
    """A tensor of axes (batch, token, [group,] last); strides in elements."""

    _fields_ = (
        ("data", c_void_p),
        *((f"{axis}_stride", _INT64) for axis in ("batch", "token", "group", "last")),
    )

    @classmethod
    def of(cls, x: Tensor | None) -> "CTensor":
        if x is None:
            return cls()
        strides = x.stride()
        return cls(x.data_ptr(), *strides[:2], strides[2] if len(strides) == 4 else 0, strides[-1])


class CDirection(Structure):
    _fields_ = (
        *((name, CTensor) for name in ("u", "delta", "B", "C")),
        *((name, c_void_p) for name in ("constant_B", "constant_C", "A", "D", "delta_bias", "initial_state", "order")),
        ("reverse", _INT64),
        ("last_state", c_void_p),
        ("saved_states", c_void_p),
    )


class CDirectionGrad(Structure):
    _fields_ = (
        ("last_state", c_void_p),
        *((name, CTensor) for name in ("u", "delta")),
        *((name, c_void_p) for name in ("A", "B", "C", "D", "delta_bias", "initial_state")),
    )


class CScan(Structure):
    _fields_ = (
        *((name, _INT64) for name in ("batch", "length", "width", "states", "groups")),
        *((name, _INT64) for name in ("bfloat16", "softplus", "threads", "direction_count")),
        ("directions", POINTER(CDirection)),
        ("z", CTensor),
        ("out", CTensor),
        ("total", c_void_p),
        ("grad_out", CTensor),
        ("grads", POINTER(CDirectionGrad)),
        ("grad_z", CTensor),
    )


class CConvDirection(Structure):
    _fields_ = (
        *((name, c_void_p) for name in ("weight", "bias", "order")),
        ("reverse", _INT64),
        ("out", CTensor),
        ("grad_out", CTensor),
        *((name, c_void_p) for name in ("grad_weight", "grad_bias")),
    )


class CConv(Structure):
    _fields_ = (
        *((name, _INT64) for name in ("batch", "length", "width", "taps")),
        *((name, _INT64) for name in ("bfloat16", "silu", "threads", "direction_count")),
        ("directions", POINTER(CConvDirection)),
        ("x", CTensor),
        ("grad_x", CTensor),
    )


class Kernels:
    """One compiled library: its functions take a structure and raise errors as exceptions.

    Attributes:
        name: of the instruction set.
        chunk_steps, lanes: of the layout of saved states, see ``interface.h``.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.stem.removeprefix("kernels_")
        self._library = ctypes.CDLL(str(path))
        for name in ("scan", "conv"):
            for way in ("forward", "backward"):
                getattr(self._library, f"videomamba_{name}_{way}").restype = c_int32
        for name in ("forward", "backward"):
            getattr(self._library, f"videomamba_scan_{name}_floor").restype = None
        steps, lanes = c_int64(), c_int64()
        self._library.videomamba_scan_layout(ctypes.byref(steps), ctypes.byref(lanes))
        self.chunk_steps, self.lanes = steps.value, lanes.value

    def run_floor(self, what: str, vectors: int, states: int, threads: int) -> None:
        """Runs the recurrence alone on cached data: ``vectors`` steps of ``lanes`` channels; forward or backward."""
        getattr(self._library, f"videomamba_scan_{what}_floor")(c_int64(vectors), c_int64(states), c_int64(threads))

    def call(self, function: str, problem: Structure) -> None:
        """Runs ``function`` (scan_forward, ...); ctypes releases the GIL meanwhile.

        Raises:
            UserError: an order is not a permutation.
            MemoryError: not enough memory for the workspace.
        """
        # a profiler sees it under its name; asked first, because naming takes as long as a small kernel
        named = record_function(f"videomamba::{function}") if torch.autograd._profiler_enabled() else nullcontext()
        with named:
            status = getattr(self._library, f"videomamba_{function}")(ctypes.byref(problem))
        if status:
            raise (UserError if status == 1 else MemoryError)(_PROBLEMS[status])


def variants() -> list[str]:
    """The compiled variants that this CPU can run, best first."""
    runnable = _RUNS.get(torch.backends.cpu.get_cpu_capability(), ("portable",))
    return [name for name in runnable if _path(name).is_file()]


@cache
def load(variant: str) -> Kernels:
    """The kernels of one variant; OSError where they cannot be loaded."""
    return Kernels(_path(variant))


@cache
def _best() -> tuple[Kernels | None, str]:
    reason = "not compiled: install with a C++ compiler at hand (g++ or clang++) for kernels several times faster"
    for name in variants():
        try:
            return load(name), f"C++ for {name}"
        except (OSError, AttributeError) as error:
            reason = f"the library for {name} does not load: {error}"
    if variants():
        note = f"{reason}; PyTorch's operations run in its place, several times slower: install videomamba again"
        warnings.warn(UserNote(note), stacklevel=2)
    return None, reason


@torch.compiler.assume_constant_result  # a compiler cannot look inside
def available() -> tuple[bool, str]:
    """Whether compiled kernels run here, and which, or why not, in one line."""
    kernels, reason = _best()
    return kernels is not None, reason


def best() -> Kernels:
    """The fastest kernels that run on this CPU; only where :func:`available`."""
    kernels, reason = _best()
    assert kernels is not None, reason
    return kernels


def pointer(x: Tensor | None) -> int | None:
    """The address of a contiguous tensor; None (null) for none."""
    assert x is None or x.is_contiguous()
    return None if x is None else x.data_ptr()


def rows(x: Tensor) -> Tensor:
    """The tensor with a contiguous last axis, as :class:`CTensor` needs it; copied only where it must be."""
    return x if x.stride(-1) == 1 else x.contiguous()


def float32(x: Tensor) -> Tensor:
    """The numbers as contiguous float32, for what the kernels read so: the tensor itself where it is."""
    return x if x.dtype == torch.float32 and x.is_contiguous() else x.detach().to(torch.float32).contiguous()


def same_bytes(a: Tensor, b: Tensor) -> bool:
    """Whether two contiguous tensors on the CPU hold the same bytes; takes a fifth of ``torch.equal``'s time."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    found: int = _compare()(c_void_p(a.data_ptr()), c_void_p(b.data_ptr()), c_size_t(a.nbytes))
    return found == 0


@cache
def _compare() -> Any:
    return ctypes.CDLL(None).memcmp  # the C library's, which is loaded already


def _path(variant: str) -> Path:
    return Path(__file__).with_name(f"kernels_{variant}.so")
