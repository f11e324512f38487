"""The counted bytes: at the size of the paper's model, and against the addresses that the kernels touch."""

import math

import pytest
import torch

pytest.importorskip("triton")
from triton.runtime import interpreter

from tests.ops.comparison import make_direction
from videomamba.benchmark.gpu.compiled import launches
from videomamba.benchmark.gpu.traffic import moved, must_move, summed, table, tensors
from videomamba.ops.scan import triton_backend, triton_launch
from videomamba.ops.scan.triton_launch import Launch

BATCH, LENGTH, WIDTH, STATES = 64, 1569, 768, 16


@pytest.fixture
def compiled(monkeypatch):
    """The configurations of a GPU."""
    monkeypatch.setattr("videomamba.ops.scan.triton_tuning.interpreted", lambda: False)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_gradient_moves_little_more_than_it_must(dtype, compiled):
    """Hardly more than twice the inputs and the output, each moved once, or the inputs and all gradients."""
    found = launches(BATCH, LENGTH, dtype=dtype)
    split = next(i for i, launch in enumerate(found) if launch.name == "gradients")
    total = [sum(moved(x).total + summed(x).total for x in part) for part in (found[:split], found[split:])]
    assert total[0] <= 2.1 * must_move(BATCH, LENGTH, backward=False, dtype=dtype)
    assert total[1] <= 2.5 * must_move(BATCH, LENGTH, backward=True, dtype=dtype)


def test_must_move_by_hand():
    """u, delta of both directions, z and out in two bytes; B and C; A, D and the bias in four."""
    planes, weights, vectors = BATCH * LENGTH * WIDTH * 2, BATCH * LENGTH * STATES * 2, WIDTH * (STATES + 2) * 4
    inputs = 5 * planes + 4 * weights + 2 * vectors
    assert must_move(BATCH, LENGTH, backward=False) == inputs + planes
    assert must_move(BATCH, LENGTH, backward=True) == 2 * inputs + planes


def test_no_states_between_chunks_go_to_memory(compiled):
    """What is written per state is written once a chunk of 32 steps, not once every few steps."""
    rows = math.ceil(LENGTH / 32)
    for launch in launches(BATCH, LENGTH):
        for name, x in tensors(launch, written=True):
            if x.shape[-2:] in ((WIDTH, STATES), (STATES, WIDTH)):
                assert x.numel() <= rows * BATCH * WIDTH * STATES, name


def test_one_launch_for_both_directions_reads_the_gate_once(compiled):
    forward = [launch for launch in launches(BATCH, LENGTH) if launch.name not in ("gradients", "span_carries")]
    assert [launch.name for launch in forward] == ["outputs"]
    assert [name for name, _ in tensors(forward[0], written=False)].count("z") == 1
    assert [name for name, _ in tensors(forward[0], written=True)].count("out") == 1
    assert [x.name for x in launches(1, LENGTH)][:3] == ["span_ends", "stitch", "outputs"]


@pytest.mark.parametrize("processors", [0, pytest.param(100, marks=pytest.mark.slow)])
def test_the_count_is_the_addresses_that_are_touched(processors, stand_in, monkeypatch):
    monkeypatch.setattr(triton_launch, "processors_of", lambda device: processors)
    both = [make_direction(1, 9, 3, 1, dtype=torch.float32, seed=seed).mapped(torch.Tensor.detach) for seed in (0, 1)]
    both[1] = both[1]._replace(reverse=True)
    z = torch.randn(1, 9, 6)[..., 3:]
    seen = watched(monkeypatch)
    out, _, saved = triton_backend.forward(both, z, delta_softplus=True, save=True)
    triton_backend.backward(both, z, saved, torch.ones_like(out), [None, None], delta_softplus=True)
    names = {launch.name for launch, _, _ in seen}
    assert names >= {"outputs", "gradients"}
    assert ("stitch" in names) == (processors > 0)
    for launch, read, written in seen:
        count = moved(launch)
        assert (4 * len(read), 4 * len(written)) == (count.read, count.written), launch.name


def watched(monkeypatch) -> list[tuple[Launch, set[int], set[int]]]:
    """Launches to come, each with the addresses that it reads and writes: shares that it adds to are not read."""
    seen: list[tuple[Launch, set[int], set[int]]] = []
    builder = interpreter.InterpreterBuilder
    load, store = builder.create_masked_load, builder.create_masked_store

    def masked_load(self, pointers, mask, *rest):
        _, read, written = seen[-1]
        given = set(pointers.data[mask.data].reshape(-1).tolist())
        read.update(given - (written & shares(seen[-1][0])))
        return load(self, pointers, mask, *rest)

    def masked_store(self, pointers, value, mask, *rest):
        seen[-1][2].update(pointers.data[mask.data].reshape(-1).tolist())
        return store(self, pointers, value, mask, *rest)

    def launch(kernel, programs, arguments, **meta):
        seen.append((Launch(kernel, programs, arguments, meta), set(), set()))
        kernel[(programs,)](**arguments, **meta)

    monkeypatch.setattr(builder, "create_masked_load", masked_load)
    monkeypatch.setattr(builder, "create_masked_store", masked_store)
    monkeypatch.setattr(triton_backend, "launch", launch)
    return seen


def shares(launch: Launch) -> set[int]:
    given = [x for name, x in launch.arguments.items() if name.startswith("grad_") and isinstance(x, torch.Tensor)]
    return {x.data_ptr() + 4 * i for x in given if x.dim() > 2 for i in range(x.numel())}


def test_the_table_has_every_launch_and_both_sums(compiled):
    lines = table(1, 197).splitlines()
    for name in ("span_ends", "stitch", "outputs", "span_carries", "gradients", "sums of shares"):
        assert any(f"| {name} |" in line for line in lines), name
    assert sum("times the" in line for line in lines) == 2
