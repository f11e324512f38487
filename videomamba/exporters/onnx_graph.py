"""Nodes of an ONNX graph, written down as calls."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxscript.evaluator

CONTRIBUTED = "com.microsoft"  # the domain of onnxruntime's own operators


class Graph:
    """Records nodes; ``graph("Add", a, b)`` is the sum of two values."""

    def __init__(self) -> None:
        self.tape = ir.tape.Tape()

    def __call__(self, kind: str, *inputs: ir.Value | None, domain: str = "", **attributes: Any) -> Any:
        """The output of a new node."""
        return self.several(kind, *inputs, outputs=1, domain=domain, **attributes)[0]

    def several(
        self, kind: str, *inputs: ir.Value | None, outputs: int, domain: str = "", **attributes: Any
    ) -> Sequence[Any]:
        """The outputs of a new node that has several."""
        version = 1 if domain else None
        return self.tape.op_multi_out(kind, inputs, attributes, num_outputs=outputs, domain=domain, version=version)

    def ints(self, *values: int) -> ir.Value:
        """A constant (N,) int64."""
        return self.constant(np.array(values, np.int64))

    def constant(self, value: np.ndarray[Any, Any]) -> ir.Value:
        found: ir.Value = self("Constant", value=ir.tensor(value))
        return found

    def flipped(self, x: ir.Value, axis: int) -> ir.Value:
        """x from its last entry to its first along an axis."""
        found: ir.Value = self(
            "Slice", x, self.ints(-1), self.ints(np.iinfo(np.int64).min), self.ints(axis), self.ints(-1)
        )
        return found

    def record(self) -> None:
        """Hands the nodes to the exporter that is calling."""
        recorder: Any = onnxscript.evaluator.default()
        recorder.nodes.extend(self.tape.nodes)


def inside(name: str, *shape: int | None) -> ir.Value:
    """A float32 input of a body."""
    return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))
