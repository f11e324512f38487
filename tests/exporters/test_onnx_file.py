"""Files of standard operators without a trace of this machine; other operators and 8 bits where they are asked for."""

import logging

import pytest

from tests.exporters.models import model
from videomamba.exporters import export

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def test_the_file_is_standard_and_small(tmp_path):
    net = model()
    done = export(net, tmp_path / "model.onnx")
    assert logging.root.manager.disable == 0, "as it was"
    graph = onnx.load(done.path)
    onnx.checker.check_model(graph, full_check=True)
    assert [opset.domain for opset in graph.opset_import] == [""]
    kinds = [node.op_type for node in graph.graph.node]
    assert kinds.count("Scan") == 1, "both directions of the one block"
    weights = sum(p.numel() * 4 for p in net.parameters())
    assert done.size == done.path.stat().st_size < weights + 2**20
    assert done.inputs == {"video": ("batch", 3, 4, 16, 16)}
    assert str(done.path.parent) not in done.path.read_bytes().decode("latin-1"), "no path of this machine"


@pytest.mark.slow
def test_the_contributed_operator(tmp_path):
    path = tmp_path / "model.onnx"
    assert export(model(), path, scan="linear-attention").difference < 1e-5
    kinds = [(node.domain, node.op_type) for node in onnx.load(path).graph.node]
    assert kinds.count(("com.microsoft", "LinearAttention")) == 2
    assert ("", "Scan") not in kinds


@pytest.mark.slow
def test_int8_rounds_the_projections(tmp_path):
    net, path = model(embed_dim=64), tmp_path / "model.onnx"
    done = export(net, path, int8=True)
    assert 0 < done.difference < 0.1
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert "MatMulInteger" in kinds
    assert "videomamba" in {entry.key for entry in onnx.load(path).metadata_props}
