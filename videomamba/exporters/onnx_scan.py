"""The scan as ONNX operators: both directions in one standard ``Scan`` with a body of five nodes for each.

A direction's state in the body is (N, D), channels last: what it is multiplied with is then repeated over rows of D
numbers, which onnxruntime does faster than over rows of N.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx_ir as ir

from videomamba.exporters.onnx_conv import inverse
from videomamba.exporters.onnx_graph import CONTRIBUTED, Graph, inside

_LARGEST = 20.0  # softplus(x) is x above, in float32

Values = Sequence[ir.Value]


class Direction(NamedTuple):
    """What a recurrence reads.

    Attributes:
        step: (B, L, D) step size, after softplus.
        entering: (B, L, D) step size times input.
        A: (D, N).
        B, C: (B, L, 1, N).
        reverse: visit the last token first.
    """

    step: ir.Value
    entering: ir.Value
    A: ir.Value
    B: ir.Value
    C: ir.Value
    reverse: bool


Recurrence = Callable[[Graph, Sequence[Direction]], Sequence[Any]]  # gives (B, L, D) of each direction


def translation(recurrence: Recurrence) -> Callable[..., Sequence[Any]]:
    """How ``videomamba::scan`` becomes ONNX, around one of the recurrences below."""

    def translate_scan(
        u: Values,
        delta: Values,
        A: Values,
        B: Values,
        C: Values,
        D: Values,
        delta_bias: Values,
        initial_state: Values,
        order: ir.Value | None,
        reverse: Sequence[bool],
        z: ir.Value | None,
        delta_softplus: bool,
        backend: str,
        save: bool,
    ) -> Sequence[Any]:
        graph = Graph()
        orders = [None] * (len(u) - 1) + [order]
        directions = []
        for k, visit in enumerate(orders):
            step = delta[k] if _is_absent(delta_bias[k]) else graph("Add", delta[k], delta_bias[k])
            step = _softplus(graph, step) if delta_softplus else step
            read = [step, graph("Mul", step, u[k]), B[k], C[k]]
            if visit is not None:
                read = [graph("Gather", x, visit, axis=1) for x in read]
            directions.append(Direction(read[0], read[1], A[k], read[2], read[3], reverse[k]))
        total = None
        for k, (visit, y) in enumerate(zip(orders, recurrence(graph, directions), strict=True)):
            if visit is not None:
                y = graph("Gather", y, inverse(graph, visit), axis=1)
            y = y if _is_absent(D[k]) else graph("Add", y, graph("Mul", u[k], D[k]))
            total = y if total is None else graph("Add", total, y)
        assert total is not None
        if z is not None:
            total = graph("Mul", total, graph("Mul", z, graph("Sigmoid", z)))
        last_states = [graph("Identity", total) for _ in u]  # no model reads them: taken out again
        graph.record()
        return [total, *last_states]

    return translate_scan


def standard_scan(graph: Graph, directions: Sequence[Direction]) -> Sequence[Any]:
    """All directions in one ``Scan`` over the batch, whose body is one ``Scan`` over the tokens of a sequence."""
    channels, states = _sizes(directions[0].A)
    empty = graph("ConstantOfShape", graph.ints(states, channels), value=ir.tensor(np.zeros(1, np.float32)))
    rates = [graph("Transpose", direction.A, perm=[1, 0]) for direction in directions]
    read = []
    for direction in directions:
        rows = [graph("Unsqueeze", x, graph.ints(2)) for x in (direction.step, direction.entering)]  # (B, L, 1, D)
        read += [*rows, graph("Transpose", direction.B, perm=[0, 1, 3, 2]), direction.C]
    found = graph.several(
        "Scan",
        *read,
        outputs=len(directions),
        body=_sequence(empty, rates, [direction.reverse for direction in directions]),
        num_scan_inputs=len(read),
    )
    return [graph("Squeeze", y, graph.ints(2)) for y in found]


def _sequence(empty: ir.Value, rates: Sequence[ir.Value], reverse: Sequence[bool]) -> ir.Graph:
    """One sequence: (L, 1, D) of each direction."""
    body, count = Graph(), len(rates)
    read = [x for k, rate in enumerate(rates) for x in _read(f"all_{k}", rate, None)]
    found = body.several(
        "Scan",
        *[empty] * count,
        *read,
        outputs=2 * count,
        body=_token(rates),
        num_scan_inputs=len(read),
        scan_input_directions=[int(flip) for flip in reverse for _ in range(len(read) // count)],
        scan_output_directions=[int(flip) for flip in reverse],
    )
    for i, value in enumerate(found):
        value.name = f"found_{i}"
    outputs = found[count:]
    for y, like in zip(outputs, read[:: len(read) // count], strict=True):
        y.shape, y.type = like.shape, like.type
    return ir.Graph(read, outputs, nodes=list(body.tape.nodes), name="sequence")


def _token(rates: Sequence[ir.Value]) -> ir.Graph:
    """One token of each direction: the new state, and (1, D) that is read from it.

    ``Gemm`` adds the outer product of B and the input to what is kept of the state in one pass; it takes matrices only.
    """
    states, read, new_states, outputs = [], [], [], []
    body = Graph()
    for k, rate in enumerate(rates):
        N, D = _sizes(rate)
        state = inside(f"state_{k}", N, D)
        step, entering, B, C = _read(f"one_{k}", rate)
        kept = body("Mul", body("Exp", body("Mul", step, rate)), state)
        new = body("Gemm", B, entering, kept)
        y = body("MatMul", C, new)
        for value, like, name in ((new, state, f"new_state_{k}"), (y, step, f"y_{k}")):
            value.name, value.shape, value.type = name, like.shape, like.type
        states.append(state)
        read += [step, entering, B, C]
        new_states.append(new)
        outputs.append(y)
    for i, node in enumerate(body.tape.nodes):  # names of a body must be none of the graphs around it
        (value,) = node.outputs
        value.name = value.name or f"token_{i}"
    return ir.Graph([*states, *read], [*new_states, *outputs], nodes=list(body.tape.nodes), name="token")


def _read(name: str, rate: ir.Value, *length: int | None) -> list[ir.Value]:
    """Step size, input, B and C of a direction, as inputs of a body: of one token, or of so many."""
    N, D = _sizes(rate)
    shapes = {"step": (1, D), "entering": (1, D), "B": (N, 1), "C": (1, N)}
    return [inside(f"{what}_{name}", *length, *shape) for what, shape in shapes.items()]


def linear_attention(graph: Graph, directions: Sequence[Direction]) -> Sequence[Any]:
    """One ``com.microsoft.LinearAttention`` for each direction: a head for each channel, whose decays are given."""
    outputs = []
    for direction in directions:
        channels, _ = _sizes(direction.A)
        step, entering, B, C = (
            graph.flipped(x, 1) if direction.reverse else x
            for x in (direction.step, direction.entering, direction.B, direction.C)
        )
        flat = graph("Concat", graph("Shape", step, start=0, end=2), graph.ints(-1), axis=0)
        decay = graph("Mul", graph("Unsqueeze", step, graph.ints(3)), direction.A)
        y, _ = graph.several(
            "LinearAttention",
            graph("Squeeze", C, graph.ints(2)),
            graph("Squeeze", B, graph.ints(2)),
            entering,
            None,
            graph("Reshape", decay, flat),
            outputs=2,
            domain=CONTRIBUTED,
            update_rule="gated",
            q_num_heads=1,
            kv_num_heads=channels,
            scale=1.0,
        )
        outputs.append(graph.flipped(y, 1) if direction.reverse else y)
    return outputs


def _softplus(graph: Graph, x: ir.Value) -> Any:
    """``max(x, log(1 + exp(min(x, 20))))``: onnxruntime takes three times as long for its own ``Softplus``."""
    one, largest = (graph.constant(np.array(n, np.float32)) for n in (1, _LARGEST))
    return graph("Max", x, graph("Log", graph("Add", graph("Exp", graph("Min", x, largest)), one)))


def _sizes(A: ir.Value) -> tuple[int, int]:
    assert A.shape is not None
    channels, states = A.shape
    assert isinstance(channels, int)
    assert isinstance(states, int)
    return channels, states


def _is_absent(x: ir.Value) -> bool:
    """Whether the operator was given a tensor without axes, which stands for none."""
    return x.shape is not None and len(x.shape) == 0
