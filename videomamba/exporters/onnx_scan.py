"""The scan as ONNX operators: both directions in one standard ``Scan`` with a body of six nodes for each.

A direction's state in the body is (B, N, D), channels last: what it is multiplied with is then repeated over rows of D
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
    """All directions in one ``Scan``."""
    count, per_direction = len(directions), 4
    channels, states = _sizes(directions[0].A)
    batch = graph("Shape", directions[0].step, start=0, end=1)
    shape = graph("Concat", batch, graph.ints(states, channels), axis=0)
    empty = graph("ConstantOfShape", shape, value=ir.tensor(np.zeros(1, np.float32)))
    read = []
    for direction in directions:
        rows = [graph("Unsqueeze", x, graph.ints(2)) for x in (direction.step, direction.entering)]  # (B, L, 1, D)
        read += [*rows, graph("Transpose", direction.B, perm=[0, 1, 3, 2]), direction.C]
    found = graph.several(
        "Scan",
        *[empty] * count,
        *read,
        outputs=2 * count,
        body=_body(graph, directions),
        num_scan_inputs=len(read),
        scan_input_axes=[1] * len(read),
        scan_input_directions=[int(direction.reverse) for direction in directions for _ in range(per_direction)],
        scan_output_axes=[1] * count,
        scan_output_directions=[int(direction.reverse) for direction in directions],
    )
    return [graph("Squeeze", y, graph.ints(2)) for y in found[count:]]


def _body(outside: Graph, directions: Sequence[Direction]) -> ir.Graph:
    """One token of each direction: the new state, and (B, 1, D) that is read from it."""
    states, read, new_states, outputs = [], [], [], []
    body = Graph()
    for k, direction in enumerate(directions):
        D, N = _sizes(direction.A)
        A = outside("Transpose", direction.A, perm=[1, 0])
        state = inside(f"state_{k}", None, N, D)
        step, entering = (inside(f"{name}_{k}", None, 1, D) for name in ("step", "entering"))
        B, C = inside(f"B_{k}", None, N, 1), inside(f"C_{k}", None, 1, N)
        kept = body("Mul", body("Exp", body("Mul", step, A)), state)
        new = body("Add", kept, body("MatMul", B, entering))
        y = body("MatMul", C, new)
        for value, like, name in ((new, state, f"new_state_{k}"), (y, step, f"y_{k}")):
            value.name, value.shape, value.type = name, like.shape, like.type
        states.append(state)
        read += [step, entering, B, C]
        new_states.append(new)
        outputs.append(y)
    for i, node in enumerate(body.tape.nodes):  # names of a body must be none of the graph around it
        (value,) = node.outputs
        value.name = value.name or f"token_{i}"
    return ir.Graph([*states, *read], [*new_states, *outputs], nodes=list(body.tape.nodes), name="token")


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
