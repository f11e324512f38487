"""The scan beside every implementation for CPUs that installs from PyPI: nanoseconds per (token, channel, state).

    pip install "transformers>=5" "mambapy>=1.2" "jax[cpu]" onnx onnxruntime
    python benchmarks/scan_table.py [LENGTH ...]

One clip, one direction, 768 channels, 16 states, float32, step sizes after softplus; no gate, no skip connection: what
all of them compute. Each result is compared with ours before it is timed. One implementation after the other is called
for half a second, at least five times after a first, and the median is shown: in turns, the threads of one that still
wait for work would slow down the next. One that is not installed, fails or disagrees is left out, with a line that says
so.
"""

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from videomamba.benchmark.timing import interleaved
from videomamba.machine import machine_line
from videomamba.ops import ScanDirection
from videomamba.ops.scan.api import directional_scan
from videomamba.tables import as_markdown

WIDTH, STATES = 768, 16
CPU = torch.device("cpu")


class Inputs(NamedTuple):
    """u, delta (1, L, 768), A (768, 16), B, C (1, L, 16)."""

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor


Scan = Callable[[Inputs], Tensor]


class Candidate(NamedTuple):
    """``forward`` runs on the inputs and returns y; ``both`` runs with gradients of all inputs, where it can."""

    name: str
    forward: Callable[[], Tensor]
    both: Callable[[], object] | None


def draw(length: int) -> Inputs:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    A = -torch.arange(1.0, STATES + 1).expand(WIDTH, STATES).contiguous()
    delta = 0.1 * torch.rand(1, length, WIDTH, generator=generator)
    return Inputs(normal(1, length, WIDTH), delta, A, normal(1, length, STATES), normal(1, length, STATES))


def in_torch(name: str, scan: Scan, x: Inputs) -> Candidate:
    def forward() -> Tensor:
        with torch.inference_mode():
            return scan(x)

    leaves = Inputs(*(t.clone().requires_grad_() for t in x))

    def both() -> object:
        return torch.autograd.grad(scan(leaves).sum(), leaves)

    return Candidate(name, forward, both)


def ours(backend: str) -> Scan:
    return lambda x: directional_scan(ScanDirection(*x), backend=backend)[0]


def loop(x: Inputs, steps: int = 16) -> Iterator[tuple[Tensor, ...]]:
    """The inputs cut along the tokens."""
    return zip(*(t.split(steps, 1) for t in (x.u, x.delta, x.B, x.C)), strict=True)


def compiled_loop() -> Scan:
    """The recurrence as written, 16 steps unrolled by torch.compile."""

    @torch.compile(dynamic=False)
    def piece(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        decay = torch.exp(delta[..., None] * A)
        entering = (delta * u)[..., None] * B[:, :, None]
        outputs = []
        for t in range(u.shape[1]):
            state = decay[:, t] * state + entering[:, t]
            outputs.append((state * C[:, t, None]).sum(-1))
        return torch.stack(outputs, 1), state

    def scan(x: Inputs) -> Tensor:
        state, outputs = x.u.new_zeros(1, WIDTH, STATES), []
        for u, delta, B, C in loop(x):
            y, state = piece(u, delta, x.A, B, C, state)
            outputs.append(y)
        return torch.cat(outputs, 1)

    return scan


def with_mambapy(x: Inputs) -> Iterator[Candidate]:
    from mambapy.mamba import MambaBlock, MambaConfig

    block = MambaBlock(MambaConfig(d_model=WIDTH // 2, n_layers=1, d_state=STATES))
    skip = torch.zeros(WIDTH)
    yield in_torch("mambapy, parallel scan", lambda x: block.selective_scan(*x, skip), x)
    yield in_torch("mambapy, sequential", lambda x: block.selective_scan_seq(*x, skip), x)


def with_transformers(x: Inputs) -> Iterator[Candidate]:
    from transformers.models.mamba.modeling_mamba import mamba_selective_scan

    def scan(x: Inputs) -> Tensor:
        u, delta, B, C = (t.transpose(1, 2) for t in (x.u, x.delta, x.B, x.C))
        return mamba_selective_scan(u, delta, x.A, B, C).transpose(1, 2)

    yield in_torch("transformers, mamba_selective_scan", scan, x)


def with_jax(x: Inputs) -> Iterator[Candidate]:
    import jax
    import jax.numpy as jnp

    given = [jnp.asarray(t.numpy()) for t in x]

    def by_step(u, delta, A, B, C):
        def step(state, now):
            u, delta, B, C = now
            state = jnp.exp(delta[:, None] * A) * state + (delta * u)[:, None] * B
            return state, state @ C

        return jax.lax.scan(step, jnp.zeros(A.shape), (u[0], delta[0], B[0], C[0]))[1][None]

    def associative(u, delta, A, B, C):
        def combine(before, after):
            return after[0] * before[0], after[0] * before[1] + after[1]

        pairs = jnp.exp(delta[0, :, :, None] * A), (delta * u)[0, :, :, None] * B[0, :, None]
        return jnp.einsum("ldn,ln->ld", jax.lax.associative_scan(combine, pairs)[1], C[0])[None]

    for name, scan in (("jax.lax.scan", by_step), ("jax.lax.associative_scan", associative)):
        forward = jax.jit(scan)
        gradient = jax.jit(jax.grad(lambda *given, scan=scan: scan(*given).sum(), argnums=tuple(range(5))))

        def run(forward=forward) -> Tensor:
            return torch.from_dlpack(jax.block_until_ready(forward(*given)))

        yield Candidate(name, run, lambda gradient=gradient: jax.block_until_ready(gradient(*given)))


def with_onnxruntime(x: Inputs) -> Iterator[Candidate]:
    import onnxruntime
    from onnx import TensorProto, helper

    length = x.u.shape[1]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()

    def values(**shapes: tuple[int, ...]) -> list:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

    def candidate(name: str, nodes: list, outputs: list, **given: Tensor) -> Candidate:
        graph = helper.make_graph(nodes, "scan", values(**{n: tuple(t.shape) for n, t in given.items()}), outputs)
        imports = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feed = {n: t.contiguous().numpy() for n, t in given.items()}
        return Candidate(name, lambda: torch.from_numpy(session.run(["y"], feed)[0]).reshape(1, length, WIDTH), None)

    body = helper.make_graph(
        [
            helper.make_node("Mul", ["delta", "A"], ["exponent"]),
            helper.make_node("Exp", ["exponent"], ["decay"]),
            helper.make_node("Mul", ["decay", "before"], ["kept"]),
            helper.make_node("Mul", ["input", "B"], ["entering"]),
            helper.make_node("Add", ["kept", "entering"], ["after"]),
            helper.make_node("MatMul", ["after", "C"], ["y"]),
        ],
        "step",
        values(before=(WIDTH, STATES), delta=(WIDTH, 1), input=(WIDTH, 1), B=(1, STATES), C=(STATES, 1)),
        values(after=(WIDTH, STATES), y=(WIDTH, 1)),
    )
    node = helper.make_node(
        "Scan", ["start", "deltas", "inputs", "Bs", "Cs"], ["last", "y"], body=body, num_scan_inputs=4
    )
    yield candidate(
        "onnxruntime, Scan",
        [node],
        values(y=(length, WIDTH, 1)),
        start=torch.zeros(WIDTH, STATES),
        A=x.A,
        deltas=x.delta[0, :, :, None],
        inputs=(x.delta * x.u)[0, :, :, None],
        Bs=x.B[0, :, None],
        Cs=x.C[0, :, :, None],
    )
    options_of_node = {"update_rule": "gated", "q_num_heads": 1, "kv_num_heads": WIDTH, "scale": 1.0}
    attention = helper.make_node(
        "LinearAttention", ["q", "k", "v", "", "decay"], ["y", "state"], domain="com.microsoft", **options_of_node
    )
    yield candidate(
        "onnxruntime, LinearAttention",
        [attention],
        values(y=(1, length, WIDTH)),
        q=x.C,
        k=x.B,
        v=x.delta * x.u,
        decay=(x.delta[..., None] * x.A).flatten(2),
    )


def candidates(x: Inputs) -> Iterator[Candidate]:
    for backend in ("native", "torch"):
        yield in_torch(f"videomamba, {backend}", ours(backend), x)
    yield in_torch("torch.compile of the loop", compiled_loop(), x)
    for others in (with_transformers, with_mambapy, with_jax, with_onnxruntime):
        try:
            yield from others(x)
        except Exception as error:
            print(
                f"left out: {others.__name__.removeprefix('with_')}: {type(error).__name__}: {error}", file=sys.stderr
            )


def agrees(candidate: Candidate, want: Tensor) -> bool:
    try:
        torch.testing.assert_close(candidate.forward(), want, rtol=1e-3, atol=1e-3)
    except Exception as error:
        print(f"left out: {candidate.name}: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    return True


def main(lengths: list[int]) -> None:
    print(machine_line("cpu"))
    rows = []
    for length in lengths:
        x = draw(length)
        given = [candidate for candidate in candidates(x) if agrees(candidate, ours("native")(x))]
        runs = [run for c in given for run in (c.forward, c.both) if run]
        times = (seconds for run in runs for seconds in interleaved([run], CPU, seconds=0.5))
        elements = length * WIDTH * STATES
        for c in given:
            forward, both = (f"{1e9 * next(times) / elements:.3f}" if run else "" for run in (c.forward, c.both))
            rows.append([c.name, str(length), forward, both])
            print(*rows[-1], flush=True)
    print(as_markdown(("implementation", "L", "forward, ns", "forward+backward, ns"), rows))


if __name__ == "__main__":
    main([int(length) for length in sys.argv[1:]] or [400])
