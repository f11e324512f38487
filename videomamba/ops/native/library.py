"""Finds the compiled kernels, picks the best for this CPU and loads them; ``interface.h`` is the contract."""

import ctypes
import functools
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

_FOLDER = Path(__file__).parent
_PREFERENCE = {"AVX512": ("avx512", "avx2", "baseline"), "AVX2": ("avx2", "baseline")}

i64, pointer = ctypes.c_int64, ctypes.c_void_p


class Strided(ctypes.Structure):
    _fields_ = (("data", pointer), ("batch", i64), ("token", i64), ("group", i64))


class Direction(ctypes.Structure):
    _fields_ = (
        *((name, Strided) for name in ("u", "delta", "B", "C")),
        *((name, pointer) for name in ("A", "D", "bias", "state", "last_state", "order")),
        ("reverse", i64),
    )


class Gradients(ctypes.Structure):
    _fields_ = tuple((name, pointer) for name in ("u", "delta", "A", "B", "C", "D", "bias", "state", "last_state"))


class Shape(ctypes.Structure):
    _fields_ = tuple((name, i64) for name in ("batch", "length", "width", "states", "groups", "softplus", "threads"))


def variants() -> dict[str, Path]:
    """Compiled libraries by instruction set, those that this CPU can run, best first."""
    names = _PREFERENCE.get(torch.backends.cpu.get_cpu_capability().split(" ")[0], ("baseline",))
    found = {name: next(iter(sorted(_FOLDER.glob(f"_kernels_{name}.*"))), None) for name in names}
    return {name: path for name, path in found.items() if path is not None}


@functools.cache
def load(path: Path) -> ctypes.CDLL:
    """The library in a file, with its functions' argument types.

    torch is imported before, so that both share one pool of OpenMP threads.
    """
    library = ctypes.CDLL(str(path))
    conv = [ctypes.POINTER(Strided), pointer, pointer, pointer, *([i64] * 7)]
    arguments = {
        "scan_forward": [ctypes.POINTER(Direction), i64, ctypes.POINTER(Shape), ctypes.POINTER(Strided), pointer],
        "scan_backward": [
            *(ctypes.POINTER(Direction), ctypes.POINTER(Gradients), i64),
            *(ctypes.POINTER(Shape), ctypes.POINTER(Strided), ctypes.POINTER(Strided), pointer),
        ],
        "conv_forward": [*conv, pointer],
        "conv_backward": [*conv, ctypes.POINTER(Strided), pointer, pointer, pointer],
    }
    for name, types in arguments.items():
        function = getattr(library, f"videomamba_{name}")
        function.argtypes, function.restype = types, None
    return library


@functools.cache
def _chosen() -> tuple[ctypes.CDLL | None, str]:
    problem = "not compiled: install with a C++ compiler at hand (g++ or clang++) for kernels several times faster"
    for name, path in variants().items():
        try:
            return load(path), f"C++ for {name}"
        except OSError as error:
            problem = f"{path.name} does not load: {error}"
    return None, problem


def available() -> tuple[bool, str]:
    """Whether compiled kernels run here, and which, or why not, in one line."""
    library, reason = _chosen()
    return library is not None, reason


def library() -> ctypes.CDLL:
    """The kernels for this CPU; :func:`available` has said that there are some."""
    chosen, reason = _chosen()
    assert chosen is not None, reason
    return chosen


def float_rows(x: Tensor) -> Tensor:
    """The tensor in float32 with a contiguous last axis; copied only where it must be."""
    x = x.float()
    return x if x.stride(-1) == 1 or x.shape[-1] <= 1 else x.contiguous()


def strided(x: Tensor | None) -> Strided:
    """(B, L, D) or (B, L, G, N) with a contiguous last axis, or nothing, as the kernels take it."""
    if x is None:
        return Strided(None, 0, 0, 0)
    batch, token, *group = x.stride()
    return Strided(x.data_ptr(), batch, token, group[0] if len(group) == 2 else 0)


def address(x: Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()


def array_of(kind: type[ctypes.Structure], items: Sequence[ctypes.Structure]) -> ctypes.Array[ctypes.Structure]:
    return (kind * len(items))(*items)
