"""A model as an ONNX file."""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx_ir as ir
import torch

from videomamba.exporters.exportable import Exportable
from videomamba.exporters.onnx_attention import translate_attention
from videomamba.exporters.onnx_conv import translate_conv
from videomamba.exporters.onnx_scan import linear_attention, standard_scan, translation
from videomamba.exporters.program import blamed_on_module, traced
from videomamba.inference.onnx_model import METADATA

OPSET = 20
RECURRENCES = {"scan": standard_scan, "linear-attention": linear_attention}


def write_onnx(target: Exportable, path: Path, description: str, *, scan: str) -> None:
    """Writes one file, weights included.

    Args:
        target: the model and its inputs.
        path: to write, whole or not at all: a temporary one.
        description: kept in the file's metadata.
        scan: a key of :data:`RECURRENCES`.
    """
    model = _program(target, RECURRENCES[scan]).model
    model.metadata_props[METADATA] = description
    model.producer_name = "videomamba"
    _drop_traces(model)
    ir.save(model, path)


def quantise(source: Path, path: Path) -> None:
    """A file whose projections have weights of 8 bits; what they are multiplied with is rounded as it comes.

    Both are unsigned: products of an unsigned and a signed number saturate on processors without VNNI.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            source, path, op_types_to_quantize=["MatMul", "Gemm"], weight_type=QuantType.QUInt8, per_channel=True
        )


def _program(target: Exportable, recurrence: Callable[..., Any]) -> Any:
    table: dict[Callable[..., Any], Any] = {
        torch.ops.videomamba.scan.default: translation(recurrence),
        torch.ops.videomamba.causal_conv.default: translate_conv,
        torch.ops.videomamba.window_attention.default: translate_attention,
    }
    with _quiet(), blamed_on_module(target), torch.no_grad():
        return torch.onnx.export(
            traced(target),  # or torch.onnx would try other ways, which fix every length, where one way fails
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=list(target.names),
            output_names=["logits"],
            dynamic_shapes=target.dynamic,
            custom_translation_table=table,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Neither warnings nor log lines of the exporters: nothing that a user could act on."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _drop_traces(model: ir.Model) -> None:
    """Takes out where in Python each node came from: paths of this machine, and most of a small file."""
    for graph in model.graphs():
        for node in graph:
            node.metadata_props.clear()
            node.doc_string = None
        for value in (*graph.inputs, *graph.outputs):
            value.metadata_props.clear()
