"""Which of a few configurations a Triton kernel takes: the one measured on this device, from a file, or a first guess.

``python -m videomamba.benchmark.gpu`` measures them and writes the file, one per device, version of Triton and source
of the kernels. An ordinary call only reads it: nothing is measured behind a user's back.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.files import read_json, write_json
from videomamba.ops.scan.triton_launch import Config, interpreted, next_power_of_2

CANDIDATES: dict[str, tuple[Config, ...]] = {
    "forward": (
        Config(steps=4, channels=32, lanes=1, warps=1, stages=3),
        Config(steps=4, channels=64, lanes=1, warps=2, stages=3),
        Config(steps=4, channels=32, lanes=1, warps=1, stages=2),
        Config(steps=4, channels=32, lanes=2, warps=2, stages=3),
    ),
    "backward": (
        Config(steps=4, channels=16, lanes=8, warps=2, stages=2),
        Config(steps=4, channels=32, lanes=4, warps=2, stages=2),
        Config(steps=4, channels=32, lanes=4, warps=2, stages=1),
        Config(steps=4, channels=16, lanes=4, warps=1, stages=2),
        Config(steps=2, channels=32, lanes=4, warps=2, stages=3),
    ),
}
"""The first of each is the guess for a GPU that nothing was measured on: no kernel spills registers with it."""

MEASURED: dict[str, dict[str, Config]] = {
    "NVIDIA H100 80GB HBM3": {
        "forward": Config(steps=4, channels=32, lanes=1, warps=1, stages=3),
        "backward": Config(steps=4, channels=32, lanes=4, warps=2, stages=2),
    },
}
"""By name of the GPU: the fastest in bfloat16 with 16 states, batch 16 and 1,569 tokens; see docs/gpu.md."""

INTERPRETED = Config(steps=8, channels=64, lanes=2)

_CHOSEN: dict[str, Config] = {}  # of the whole process: gradients are computed by threads of PyTorch's


@contextmanager
def chosen(config: Config, *what: str) -> Iterator[None]:
    """Within the block ``what``, by default both passes, takes this configuration, in all threads."""
    before = dict(_CHOSEN)
    _CHOSEN.update(dict.fromkeys(what or CANDIDATES, config))
    try:
        yield
    finally:
        _CHOSEN.clear()
        _CHOSEN.update(before)


def config_of(what: str, u: Tensor, states: int) -> Config:
    """What ``forward`` or ``backward`` of a scan of u and so many states takes."""
    if what in _CHOSEN:
        return _CHOSEN[what]
    if interpreted():
        return INTERPRETED
    found = None
    if u.device.type != "cpu" and torch.cuda.is_available():  # on meta: of the device that is there
        name, of_file = _measured_on(u.device.index or 0)
        found = of_file.get(key(what, u.dtype, states)) or MEASURED.get(name, {}).get(what)
    return found or CANDIDATES[what][0]


def key(what: str, dtype: torch.dtype, states: int) -> str:
    """What a measured configuration holds for."""
    return f"{what}, {str(dtype).removeprefix('torch.')}, {next_power_of_2(states)} states"


def tune(
    name: str,
    run: Callable[[], object],
    clock: Callable[[Callable[[], object]], float],
    file: Path,
    *,
    late: Callable[[], bool] = lambda: False,
) -> Config:
    """The fastest candidate for ``run``, which is written to the file under ``name``.

    Args:
        name: as :func:`key` gives it.
        run: calls the operator.
        clock: seconds of a run; a candidate that cannot be compiled or launched is passed over.
        file: as :func:`cache_file` gives it.
        late: whether it is time to choose among what has been timed.
    """
    from triton.errors import TritonError

    seconds: dict[Config, float] = {}
    what = name.partition(",")[0]
    for config in CANDIDATES[what]:
        if seconds and late():
            break
        with chosen(config, what):
            try:
                seconds[config] = clock(run)
            except torch.OutOfMemoryError:
                raise
            except (RuntimeError, TritonError):  # too many registers, or too much shared memory
                continue
    if not seconds:
        raise UserError(f"no configuration of the kernels runs here for {name}")
    best = min(seconds, key=lambda config: seconds[config])
    known = {name: asdict(config) for name, config in _measured(file).items()}
    write_json(file, {**known, name: asdict(best)})
    _measured_on.cache_clear()
    return best


def cache_file(device: str) -> Path:
    """Of this device's name, under ``XDG_CACHE_HOME`` or ``~/.cache``."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "videomamba" / "triton"
    return folder / f"{''.join(c if c.isalnum() else '-' for c in device)}-{version('triton')}-{_source()}.json"


@cache
def _measured_on(index: int) -> tuple[str, dict[str, Config]]:
    """Name of the GPU of this index, and what its file has; read once, for every call of the operator asks."""
    name = torch.cuda.get_device_name(index)
    return name, _measured(cache_file(name))


def _measured(file: Path) -> dict[str, Config]:
    """By key; nothing where there is no file, or one that cannot be read."""
    try:
        return {name: Config(**fields) for name, fields in read_json(file).items()}
    except (UserError, AttributeError, TypeError):
        return {}


@cache
def _source() -> str:
    """Of the kernels, in twelve characters: another source has other optima."""
    names: Sequence[str] = ("triton_tiles.py", "triton_kernels.py", "triton_gradients.py")
    return hashlib.sha256(b"".join((Path(__file__).parent / name).read_bytes() for name in names)).hexdigest()[:12]
