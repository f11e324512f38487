"""The causal convolution as a standard ``Conv``."""

from typing import Any

import numpy as np
import onnx_ir as ir

from videomamba.exporters.onnx_graph import Graph


def translate_conv(
    x: ir.Value, weight: ir.Value, bias: ir.Value | None, order: ir.Value | None, reverse: bool, silu: bool
) -> Any:
    """``videomamba::causal_conv``; arguments as there."""
    graph = Graph()
    assert weight.shape is not None
    channels, taps = weight.shape
    assert isinstance(taps, int)
    before = x if order is None else graph("Gather", x, order, axis=1)
    # visited backwards, a token's past lies behind it
    kernel = graph("Unsqueeze", graph.flipped(weight, 1) if reverse else weight, graph.ints(1))
    pads = [0, taps - 1] if reverse else [taps - 1, 0]
    out = graph("Conv", graph("Transpose", before, perm=[0, 2, 1]), kernel, bias, group=channels, pads=pads)
    if silu:
        out = graph("Mul", out, graph("Sigmoid", out))
    out = graph("Transpose", out, perm=[0, 2, 1])
    if order is not None:
        out = graph("Gather", out, inverse(graph, order), axis=1)
    graph.record()
    return out


def inverse(graph: Graph, order: ir.Value) -> Any:
    """(L,) where each token is in a visit by ``order``."""
    first, step = (graph.constant(np.array(n, np.int64)) for n in (0, 1))
    places = graph("Range", first, graph("Size", order), step)
    return graph("ScatterElements", order, order, places, axis=0)
