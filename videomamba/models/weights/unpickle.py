"""Pickled checkpoints of any origin, read without running anything that the file says.

PyTorch's own ``weights_only`` reading comes first; it knows tensors and plain values alone. What else training code
keeps beside them (numpy's numbers, paths, dates, enums, settings of any class) is read by an unpickler that builds
tensors and arrays itself and puts an :class:`Inert` thing in the place of every other object.
"""

import argparse
import pickle
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videomamba.errors import UserError

# lower-case names in other modules are taken for functions that would be run, and refused
_HARMLESS = {"collections", "copy_reg", "copyreg", "datetime", "functools", "numpy", "pathlib", "torch"}
_HARMLESS_BUILTINS = {
    "bytearray",
    "complex",
    "frozenset",
    "getattr",
    "list",
    "object",
    "range",
    "set",
    "slice",
    "xrange",
}


class Inert(dict[Any, Any]):
    """In the place of an object whose class is not trusted: it keeps what is put into it and does nothing."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "Inert":
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*(value for value in args[:1] if isinstance(value, dict)))

    def __hash__(self) -> int:  # type: ignore[override]  # enums are keys of dictionaries
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.update(part)

    def append(self, value: Any) -> None:
        """Of a list, which it is not."""

    extend = add = append


def read_pickle(file: Path) -> Any:
    """What was given to ``torch.save``; tensors stay on disk until they are used, where the format allows it.

    Raises:
        UserError: empty, cut off, damaged, or a file that would run code; one line says which.
    """
    is_zip = zipfile.is_zipfile(file)
    if not is_zip:
        with file.open("rb") as stream:
            start = stream.read(4)
        if not start:
            raise UserError(f"{file} is empty")
        if start.startswith(b"PK"):
            raise UserError(f"{file} is cut off: the end of the archive is missing; copy or download it again")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # the settings that Vim and OpenGVLab store
            return torch.load(file, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError:
        pass
    except Exception as error:  # a damaged file can make the readers of zip, pickle and storage fail with any error
        raise UserError(f"{file} is not a readable PyTorch checkpoint: {_reason(error)}") from error
    try:
        return torch.load(file, map_location="cpu", weights_only=False, mmap=is_zip, pickle_module=_restricted())
    except _RunsCodeError as error:
        raise UserError(
            f"{file} is no PyTorch checkpoint of tensors: reading it would run code from the file ({error})"
        ) from error
    except Exception as error:  # as above
        raise UserError(f"{file} is no PyTorch checkpoint, or it is damaged: {_reason(error)}") from error


class _RunsCodeError(Exception):
    """The file refers to a function."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Never the object of that name: one of ours, or a type of C, which no file can change."""
        if (module, name) in _BUILT:
            return _fresh(_BUILT[module, name])
        if module.partition(".")[0] == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if name == "ndarray" or (module, name) == ("numpy", "dtype"):
            return _Array if name == "ndarray" else _Dtype
        root = module.partition(".")[0]
        is_class = name.rpartition(".")[2].lstrip("_")[:1].isupper()
        builtin = root in ("builtins", "__builtin__") and name in _HARMLESS_BUILTINS
        if (module, name) == ("torch.storage", "_load_from_bytes") or not (is_class or builtin or root in _HARMLESS):
            raise _RunsCodeError(f"{module}.{name}")
        return types.new_class(name.rpartition(".")[2], (Inert,))


def _restricted() -> Any:
    """A module in pickle's clothes, as :func:`torch.load` takes it."""
    module = types.ModuleType("restricted_pickle")
    module.Unpickler = _Unpickler  # type: ignore[attr-defined]
    module.load = lambda file, **options: _Unpickler(file, **options).load()  # type: ignore[attr-defined]
    return module


def _fresh(function: Callable[..., Any]) -> Callable[..., Any]:
    """A new function each time: attributes that the file sets on it affect nothing else."""
    return lambda *args: function(*args)


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    tensor: Tensor = torch._utils._rebuild_tensor(storage, offset, size, stride)
    return tensor


class _Dtype:
    """What a file says of a numpy dtype; NumPy's own believes any state and fails much later."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code, self.byte_order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.byte_order = state[1] if state[1] in ("<", ">") else "="

    def real(self) -> np.dtype[Any]:
        dtype = np.dtype(self.byte_order + self.code)
        if dtype.hasobject and dtype.kind != "O":
            raise TypeError(f"an array of {self.code}")
        return dtype


class _Array(np.ndarray[Any, Any]):
    """An array that takes a :class:`_Dtype` with its state."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, shape, dtype, is_fortran, data = state
        super().__setstate__((version, shape, dtype.real(), is_fortran, data))


def _array(kind: Any, shape: Any, typecode: Any) -> Any:
    return _Array.__new__(_Array, (0,), "b")  # its state comes next


def _array_from_buffer(buffer: Any, dtype: _Dtype, shape: Any, order: Any, *_: Any) -> Any:
    array: Any = np.frombuffer(buffer, dtype.real())
    return array.reshape(shape, order=order)


def _first(value: Any, *_: Any) -> Any:
    return value


_BUILT: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch", "Size"): tuple,
    ("collections", "OrderedDict"): lambda *_: OrderedDict(),
    ("collections", "defaultdict"): lambda *_: OrderedDict(),
    ("_codecs", "encode"): lambda text, *_: text.encode("latin1"),
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _array_from_buffer for core in ("core", "_core")},
}


def _reason(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
