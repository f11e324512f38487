"""The scan's backends side by side: checked against the float64 reference, then timed and compared with the floor."""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.benchmark.timing import bytes_per_second, exponentials, interleaved
from videomamba.errors import UserError
from videomamba.ops import ScanDirection, bidirectional_scan
from videomamba.ops.backend import backend_status, resolve_backend
from videomamba.ops.native import library
from videomamba.ops.scan.api import directional_scan

WIDTH, STATES = 768, 16  # of the paper's model
PASSES = ("forward", "forward+backward")
PLAIN_LOOP = "(plain loop)"  # timed beside the backends
_LIMITS = {"forward": 2e-6, "gradient": 2e-5}


@dataclass(frozen=True)
class Row:
    """One backend at one size.

    Attributes:
        backend: its name, or ``PLAIN_LOOP``.
        directions: 1, or 2 under one gate.
        batch, length: of the input (B, L, 768) with 16 states, float32.
        what: ``forward`` (no gradients wanted) or ``forward+backward``.
        milliseconds: median.
        recurrence: milliseconds of the arithmetic that cannot be left out, taken in the same turns: on a CPU with
            compiled kernels their recurrence alone on cached data, by all threads; elsewhere as many ``torch.exp``.
        memory: milliseconds of the bytes that must move, at the measured bandwidth.
        floor: milliseconds that the machine allows at best: the larger of the two.
        times_floor: milliseconds over floor.
        times_torch: of the PyTorch backend in the same turns, over this one's: how many times as fast.
    """

    backend: str
    directions: int
    batch: int
    length: int
    what: str
    milliseconds: float
    recurrence: float
    memory: float
    floor: float
    times_floor: float
    times_torch: float


def runnable_backends(device: torch.device) -> list[str]:
    """Backends that run on this device, except for the reference, which is too slow to time."""
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
        UserError: one is above its limit; a wrong result is not timed.
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
            raise UserError(
                f"backend {backend!r} is wrong here: its {name} differs from the reference by {error:.1e}, more than "
                f"{_LIMITS[name]:.0e}; no speed is shown. Please report this with the output of `videomamba env`"
            )
    return errors


def measure(
    backends: Sequence[str], device: torch.device, *, batches: Sequence[int], lengths: Sequence[int]
) -> Iterator[list[Row]]:
    """Rows of one batch and length. A backend's passes, for one and two directions, take turns with their floor."""
    bandwidth = bytes_per_second(device)
    for batch in batches:
        for length in lengths:
            drawn = {count: _draw(batch, length, WIDTH, device, directions=count) for count in (1, 2)}
            jobs = [(n, what) for n in drawn for what in PASSES]
            (one,), gate = drawn[1]
            groups: dict[str, dict[tuple[int, str], Callable[[], object]]] = {
                name: {(n, what): _run(name, *drawn[n], backward=what == PASSES[1]) for n, what in jobs}
                for name in backends
            }
            groups[PLAIN_LOOP] = {(1, PASSES[0]): partial(plain_loop, one, gate)}
            seconds: dict[tuple[str, int, str], float] = {}
            least: dict[tuple[str, int, str], tuple[float, float]] = {}
            arithmetic = [_recurrence(batch * length, device, what) for what in PASSES]
            for name, runs in groups.items():
                *taken, forward, both = interleaved([*runs.values(), *arithmetic], device, seconds=3)
                for (n, what), time in zip(runs, taken, strict=True):
                    seconds[name, n, what] = time
                    moved = _bytes(batch, length, n, backward=what == PASSES[1]) / bandwidth
                    least[name, n, what] = (n * (both if what == PASSES[1] else forward), moved)
            yield [
                Row(
                    name,
                    n,
                    batch,
                    length,
                    what,
                    1e3 * time,
                    1e3 * least[name, n, what][0],
                    1e3 * least[name, n, what][1],
                    1e3 * max(least[name, n, what]),
                    time / max(least[name, n, what]),
                    seconds.get(("torch", n, what), float("nan")) / time,
                )
                for (name, n, what), time in seconds.items()
            ]


def summary(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Per backend, at the middle batch and length: what the backward pass and the second direction cost; the slope.

    ``backward_over_forward`` compares the difference of both passes and forward alone; ``two_over_one`` both directions
    in one call and one direction; ``slope`` is that of log(time) over log(length), forward, one direction, smallest
    batch: 1 is linear.
    """
    times = {(r.backend, r.directions, r.batch, r.length, r.what): r.milliseconds for r in rows}
    batches, lengths = (sorted({getattr(r, name) for r in rows}) for name in ("batch", "length"))
    at = (batches[len(batches) // 2], lengths[len(lengths) // 2])
    result: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(r.backend for r in rows if r.backend != PLAIN_LOOP):
        forward, both = times[name, 1, *at, "forward"], times[name, 1, *at, "forward+backward"]
        ratios = {"backward_over_forward": both / forward - 1, "two_over_one": times[name, 2, *at, "forward"] / forward}
        if len(lengths) > 1:
            taken = [times[name, 1, batches[0], length, "forward"] for length in lengths]
            ratios["slope"] = statistics.linear_regression(
                *([math.log(x) for x in xs] for xs in (lengths, taken))
            ).slope
        result[name] = ratios
    return result


def plain_loop(d: ScanDirection, z: Tensor, steps: int = 64) -> Tensor:
    """The obvious implementation: per chunk all decays and inputs at once, then an in-place loop over steps.

    One direction, one group, in natural order; the baseline of the PyTorch backend.
    """
    assert d.D is not None
    assert d.delta_bias is not None
    with torch.inference_mode():
        state = d.u.new_zeros(len(d.u), *d.A.shape)
        out = torch.empty_like(d.u)
        for start in range(0, d.u.shape[1], steps):
            part = slice(start, start + steps)
            step = F.softplus(d.delta[:, part] + d.delta_bias)[..., None]
            decay = torch.exp(step * d.A)
            states = step * d.u[:, part, :, None] * d.B[:, part]
            for i in range(states.shape[1]):
                state.mul_(decay[:, i]).add_(states[:, i])
                states[:, i] = state
            out[:, part] = torch.einsum("bldn,bln->bld", states, d.C[:, part, 0])
        return out.addcmul_(d.D, d.u).mul_(F.silu(z))


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


def _recurrence(tokens: int, device: torch.device, what: str) -> Callable[[], object]:
    """The arithmetic of a pass of one direction that cannot be left out; the gradient needs every decay again."""
    if device.type != "cpu" or not library.available()[0]:
        return exponentials((2 if what == PASSES[1] else 1) * tokens * WIDTH * STATES, device)
    kernels = library.best()

    def run() -> None:
        for part in what.split("+"):
            kernels.run_floor(part, -(-tokens * WIDTH // kernels.lanes), STATES, torch.get_num_threads())

    return run


def _bytes(batch: int, length: int, directions: int, *, backward: bool) -> int:
    """Bytes that cannot be left out: inputs and outputs through memory once.

    The gradient reads all inputs and the output's gradient and writes as many gradients.
    """
    tokens = batch * length
    inputs = tokens * (directions * (2 * WIDTH + 2 * STATES) + WIDTH) * 4
    output = tokens * WIDTH * 4
    return 3 * inputs + 2 * output if backward else inputs + output


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
