"""Attention in windows as ONNX operators, for sequences of any length."""

from typing import Any

import numpy as np
import onnx_ir as ir

from videomamba.exporters.onnx_graph import Graph
from videomamba.nn.window_attention import LEAK

_HIDDEN = float(np.finfo(np.float32).min) / 2


def translate_attention(query: ir.Value, key: ir.Value, value: ir.Value, window: int, window_mask: str) -> Any:
    """``videomamba::window_attention``; arguments as there."""
    graph = Graph()
    half, seen_steps = window // 2, window + 2 * (window // 2)
    length = graph("Shape", query, start=2, end=3)
    blocks = graph("Div", graph("Add", length, graph.ints(window - 1)), graph.ints(window))
    surplus = graph("Sub", graph("Mul", blocks, graph.ints(window)), length)
    first, last = graph.ints(0, 0, half, 0, 0), graph("Add", surplus, graph.ints(half))
    edges = graph("Concat", first, last, axis=0)
    starts = graph("Mul", _range(graph, blocks), graph.ints(window))
    index = graph("Add", graph("Unsqueeze", starts, graph.ints(1)), graph.ints(*range(seen_steps)))

    def windows(x: ir.Value, *order: int) -> Any:  # (B, C, T) -> (B, C, blocks, seen steps) -> in that order
        return graph("Transpose", graph("Gather", graph("Pad", x, edges), index, axis=2), perm=list(order))

    ones = graph("ConstantOfShape", graph("Concat", graph.ints(1, 1), length, axis=0), value=_float32([1.0]))
    seen = windows(ones, 0, 2, 1, 3)  # (1, blocks, 1, seen steps)
    k, v = windows(key, 0, 2, 1, 3), windows(value, 0, 2, 3, 1)
    step = np.arange(seen_steps)
    if window_mask == "released":
        seen = graph("Mul", seen, graph.constant((step < 2 * window - 1).astype(np.float32)))
        v = graph("Mul", v, graph("Transpose", seen, perm=[0, 1, 3, 2]))
        bias = graph("Log", graph("Add", seen, graph.constant(np.array(LEAK, np.float32))))
    else:
        offset = step - np.arange(window)[:, None]
        seen = graph("Mul", seen, graph.constant(((offset >= 0) & (offset < window)).astype(np.float32)))
        one, hidden = (graph.constant(np.array(n, np.float32)) for n in (1.0, _HIDDEN))
        bias = graph("Mul", graph("Sub", one, seen), hidden)
    channels, out_channels = _channels(query), _channels(value)
    padded = graph("Pad", query, graph("Concat", graph.ints(0, 0, 0, 0, 0), surplus, axis=0))
    q = graph("Transpose", graph("Reshape", padded, graph.ints(0, channels, -1, window)), perm=[0, 2, 3, 1])
    energy = graph("Mul", graph("MatMul", q, k), graph.constant(np.array(channels**-0.5, np.float32)))
    weights = graph("Softmax", graph("Add", energy, bias), axis=-1)
    joined = graph("Transpose", graph("MatMul", weights, v), perm=[0, 3, 1, 2])
    out = graph("Reshape", joined, graph.ints(0, out_channels, -1))
    out = graph("Slice", out, graph.ints(0), length, graph.ints(2))
    graph.record()
    return out


def _range(graph: Graph, count: ir.Value) -> Any:
    """(count,) 0, 1, ..., of a count (1,)."""
    first, step = (graph.constant(np.array(n, np.int64)) for n in (0, 1))
    return graph("Range", first, graph("Squeeze", count, graph.ints(0)), step)


def _float32(values: list[float]) -> Any:
    return ir.tensor(np.array(values, np.float32))


def _channels(x: ir.Value) -> int:
    assert x.shape is not None
    count = x.shape[1]
    assert isinstance(count, int)
    return count
