"""The scan as ONNX operators: both directions in one ``Scan`` over chunks of tokens, and in it another over tokens.

Decays and what enters the states are computed for a chunk at a time: fewer and larger operations than token by token,
and few enough numbers to stay in the processor's cache. What is left for each token is three nodes for each direction.

A direction's state in the body is (B, N, D), channels last: what it is multiplied with is then repeated over rows of D
numbers, which onnxruntime does faster than over rows of N. Tokens are the first axis: ``Scan`` copies others there.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx_ir as ir

from videomamba.exporters.onnx_conv import inverse
from videomamba.exporters.onnx_graph import CONTRIBUTED, Graph, inside

CHUNK = 16  # tokens
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
    count = len(directions)
    channels, states = _sizes(directions[0].A)
    batch, length = (graph("Shape", directions[0].step, start=axis, end=axis + 1) for axis in (0, 1))
    shape = graph("Concat", batch, graph.ints(states, channels), axis=0)
    empty = graph("ConstantOfShape", shape, value=ir.tensor(np.zeros(1, np.float32)))
    # tokens are added up to whole chunks; with step sizes and inputs of 0 they leave the states as they are
    added = graph("Mod", graph("Neg", length), graph.ints(CHUNK))
    edges = graph("Concat", graph.ints(0, 0, 0, 0), added, graph.ints(0, 0, 0), axis=0)

    def chunks(x: ir.Value, rows: int, columns: int, *order: int) -> Any:
        """(chunks, CHUNK, B, rows, columns); ``order`` has the tokens first."""
        padded = graph("Pad", graph("Transpose", x, perm=list(order)), edges)
        return graph(
            "Reshape", padded, graph("Concat", graph.ints(-1, CHUNK), batch, graph.ints(rows, columns), axis=0)
        )

    read = []
    for direction in directions:
        rows = [graph("Unsqueeze", x, graph.ints(2)) for x in (direction.step, direction.entering)]  # (B, L, 1, D)
        read += [chunks(x, 1, channels, 1, 0, 2, 3) for x in rows]
        read += [chunks(direction.B, states, 1, 1, 0, 3, 2), chunks(direction.C, 1, states, 1, 0, 2, 3)]
    found = _scan(graph, [empty] * count, read, _chunk_body(graph, directions), directions)
    flat = graph("Concat", graph.ints(-1), batch, graph.ints(channels), axis=0)
    tokens = [graph("Slice", graph("Reshape", y, flat), graph.ints(0), length, graph.ints(0)) for y in found[count:]]
    return [graph("Transpose", y, perm=[1, 0, 2]) for y in tokens]


def _scan(graph: Graph, states: Values, read: Values, body: ir.Graph, directions: Sequence[Direction]) -> Sequence[Any]:
    """The states after a ``Scan`` along first axes, and an output of each direction."""
    reverse = [int(direction.reverse) for direction in directions]
    each = len(read) // len(directions)
    return graph.several(
        "Scan",
        *states,
        *read,
        outputs=2 * len(directions),
        body=body,
        num_scan_inputs=len(read),
        scan_input_directions=[way for way in reverse for _ in range(each)],
        scan_output_directions=reverse,
    )


def _chunk_body(outside: Graph, directions: Sequence[Direction]) -> ir.Graph:
    """One chunk of each direction: the new state, and (CHUNK, B, 1, D) that is read from the states."""
    body = Graph()
    states, read, tokens = [], [], []
    for k, direction in enumerate(directions):
        D, N = _sizes(direction.A)
        A = outside("Transpose", direction.A, perm=[1, 0])
        states.append(inside(f"state_{k}", None, N, D))
        step, entering = (inside(f"{name}_{k}", CHUNK, None, 1, D) for name in ("step", "entering"))
        B, C = inside(f"B_{k}", CHUNK, None, N, 1), inside(f"C_{k}", CHUNK, None, 1, N)
        read += [step, entering, B, C]
        tokens += [body("Exp", body("Mul", step, A)), body("MatMul", B, entering), C]
    found = _scan(body, states, tokens, _token_body(directions), directions)
    for k, (new, y) in enumerate(zip(found[: len(directions)], found[len(directions) :], strict=True)):
        _name(new, f"new_state_{k}", states[k])
        _name(y, f"y_{k}", read[4 * k])
    return _graph(body, [*states, *read], found, "chunk")


def _token_body(directions: Sequence[Direction]) -> ir.Graph:
    """One token of each direction: the new state, and (B, 1, D) that is read from it."""
    body = Graph()
    states, read, new_states, outputs = [], [], [], []
    for k, direction in enumerate(directions):
        D, N = _sizes(direction.A)
        state, decay, entered = (inside(f"token_{name}_{k}", None, N, D) for name in ("state", "decay", "entered"))
        C = inside(f"token_C_{k}", None, 1, N)
        new = body("Add", body("Mul", decay, state), entered)
        y = body("MatMul", C, new)
        _name(new, f"token_new_state_{k}", state)
        _name(y, f"token_y_{k}", inside("", None, 1, D))
        states.append(state)
        read += [decay, entered, C]
        new_states.append(new)
        outputs.append(y)
    return _graph(body, [*states, *read], [*new_states, *outputs], "token")


def _name(value: ir.Value, name: str, like: ir.Value) -> None:
    value.name, value.shape, value.type = name, like.shape, like.type


def _graph(body: Graph, inputs: Values, outputs: Values, name: str) -> ir.Graph:
    values = [value for node in body.tape.nodes for value in node.outputs]
    for i, value in enumerate(values):  # names of a body must be none of the graph around it
        value.name = value.name or f"in_{name}_{i}"
    return ir.Graph(list(inputs), list(outputs), nodes=list(body.tape.nodes), name=name)


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
