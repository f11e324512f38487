"""The scan's backends side by side: checked against the float64 reference first, then timed beside the floor."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videomamba.benchmark.timing import Rates, interleaved
from videomamba.ops import ScanDirection, bidirectional_scan
from videomamba.ops.backend import backend_status, resolve_backend
from videomamba.ops.scan.api import directional_scan

WIDTH, STATES = 768, 16  # of the paper's model
_LIMITS = {"forward": 2e-6, "gradient": 2e-5}


@dataclass(frozen=True)
class Row:
    """One backend at one size.

    Attributes:
        backend: its name.
        directions: 1, or 2 under one gate.
        batch, length: of the input (B, L, 768) with 16 states, float32.
        what: ``forward`` (no gradients wanted) or ``forward+backward``.
        milliseconds: median.
        floor: milliseconds that the machine's measured rates allow at best.
        times_floor: milliseconds over floor.
        times_torch: of the PyTorch backend in the same turns, over this one's: how many times as fast.
    """

    backend: str
    directions: int
    batch: int
    length: int
    what: str
    milliseconds: float
    floor: float
    times_floor: float
    times_torch: float


def runnable_backends(device: torch.device) -> list[str]:
    """Backends that run on this device, but for the reference, which is too slow to time."""
    names = []
    for name, (runs, _) in backend_status().items():
        if runs and name != "reference":
            try:
                resolve_backend(name, device, torch.float32)
            except ValueError:
                continue
            if not (name == "triton" and device.type == "cpu"):  # the interpreter has no speed
                names.append(name)
    return names


def check(backend: str, device: torch.device) -> dict[str, float]:
    """Largest relative errors (max-norm) of both directions against the float64 reference: ``forward``, ``gradient``.

    Raises:
        ValueError: one is above its limit; there is no point in timing a wrong result.
    """
    drawn, z = _draw(2, 100, 40, device, directions=2)
    forward, backward = (d.mapped(_leaf) for d in drawn)
    z = _leaf(z)
    inputs = [*(x for d in (forward, backward) for x in d[:7] if x is not None), z]
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0)).to(device)
    got = bidirectional_scan(forward, backward, z, order=order, backend=backend)
    wide, wide_backward = (d.mapped(Tensor.double) for d in (forward, backward))
    want = bidirectional_scan(wide, wide_backward, z.double(), order=order, backend="reference")
    errors = {"forward": _relative_error(got, want), "gradient": 0.0}
    pull = torch.randn(want.shape, generator=torch.Generator().manual_seed(1)).to(device)
    grads = (torch.autograd.grad(out, inputs, pull.to(out.dtype)) for out in (got, want))
    for ours, theirs in zip(*grads, strict=True):
        errors["gradient"] = max(errors["gradient"], _relative_error(ours, theirs))
    for name, error in errors.items():
        if not error <= _LIMITS[name]:
            raise ValueError(
                f"backend {backend!r} is wrong here: its {name} differs from the reference by {error:.1e}, more than "
                f"{_LIMITS[name]:.0e}; no speed is shown. Please report this with the output of `videomamba env`"
            )
    return errors


def measure(
    backends: Sequence[str], device: torch.device, rates: Rates, *, batches: Sequence[int], lengths: Sequence[int]
) -> Iterator[list[Row]]:
    """Rows of all backends for each number of directions, batch, length, and with or without the gradient."""
    for batch in batches:
        for length in lengths:
            for directions in (1, 2):
                both, z = _draw(batch, length, WIDTH, device, directions=directions)
                for what in ("forward", "forward+backward"):
                    runs = [_run(backend, both, z, backward=what != "forward") for backend in backends]
                    seconds = interleaved(runs, device, seconds=1.0)
                    floor = rates.floor(**_work(batch, length, directions, backward=what != "forward"))
                    torch_seconds = dict(zip(backends, seconds, strict=True)).get("torch", float("nan"))
                    yield [
                        Row(
                            backend,
                            directions,
                            batch,
                            length,
                            what,
                            *(1e3 * taken, 1e3 * floor, taken / floor, torch_seconds / taken),
                        )
                        for backend, taken in zip(backends, seconds, strict=True)
                    ]


def _run(backend: str, both: list[ScanDirection], z: Tensor, *, backward: bool) -> Callable[[], object]:
    def scan(directions: list[ScanDirection], gate: Tensor) -> Tensor:
        if len(directions) == 2:
            return bidirectional_scan(directions[0], directions[1], gate, backend=backend)
        return directional_scan(directions[0], gate, delta_softplus=True, backend=backend)[0]

    if not backward:

        def forward() -> None:
            with torch.inference_mode():
                scan(both, z)

        return forward
    wanted, gate = [d.mapped(_leaf) for d in both], _leaf(z)
    inputs = [x for d in wanted for x in d[:7] if x is not None] + [gate]
    pull = torch.ones_like(z)

    def forward_and_backward() -> None:
        torch.autograd.grad(scan(wanted, gate), inputs, pull)

    return forward_and_backward


def _work(batch: int, length: int, directions: int, *, backward: bool) -> dict[str, int]:
    """What cannot be left out: every input and output through memory once, every decay's exponential once.

    The gradient needs the exponentials again, reads all inputs and the output's gradient and writes as many gradients.
    """
    tokens = batch * length
    inputs = tokens * (directions * (2 * WIDTH + 2 * STATES) + WIDTH) * 4
    output = tokens * WIDTH * 4
    exponentials = directions * tokens * WIDTH * STATES
    if backward:
        return {"moved": 3 * inputs + 2 * output, "exponentials": 2 * exponentials}
    return {"moved": inputs + output, "exponentials": exponentials}


def _draw(
    batch: int, length: int, width: int, device: torch.device, *, directions: int
) -> tuple[list[ScanDirection], Tensor]:
    """Inputs as the model has them: halves and parts of wider projections, read in place."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    both = []
    for _ in range(directions):
        projected = normal(batch, length, 24 + 2 * STATES)
        B, C = (x.unsqueeze(2) for x in projected[..., 24:].split(STATES, -1))
        A = -torch.arange(1.0, STATES + 1, device=device).expand(width, STATES).contiguous()
        skip, bias = torch.ones(width, device=device), torch.full((width,), -4.0, device=device)
        both.append(ScanDirection(normal(batch, length, width), normal(batch, length, width), A, B, C, skip, bias))
    return both, normal(batch, length, 2 * width)[..., width:]


def _leaf(x: Tensor) -> Tensor:
    return x.detach().requires_grad_()


def _relative_error(got: Tensor, want: Tensor) -> float:
    return ((got.double() - want).abs().max() / want.abs().max()).item()
