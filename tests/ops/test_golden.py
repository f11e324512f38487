"""What mamba-ssm's own CUDA kernels gave, in float32, bfloat16 and float16, from every backend."""

import pytest
import torch

from tests.ops.golden import CASES, deviation, tensors
from videomamba.nn.norm import RMSNorm
from videomamba.ops import causal_conv, causal_conv1d, selective_scan, selective_state_update
from videomamba.ops.backend import backend_status

RUNS = [name for name, (runs, _) in backend_status().items() if runs]
SCANS = CASES["selective_scan"]


def run_scan(name, inputs, backend):
    return selective_scan(**inputs, delta_softplus="minimal" not in name, return_last_state=True, backend=backend)


QUICK = ("full",)  # in Triton's interpreter, seconds each; the others are slow


def runs(*names: str) -> list[object]:
    """Cases of every backend that runs here."""
    return [
        pytest.param(name, backend, marks=[pytest.mark.slow] * (backend == "triton" and name not in QUICK))
        for name in names
        for backend in RUNS
    ]


@pytest.mark.parametrize(("name", "backend"), runs(*(name for name in SCANS if name != "grouped_time_varying")))
def test_selective_scan(name, backend):
    case = SCANS[name]
    inputs = {key: x.requires_grad_() for key, x in tensors(case["inputs"]).items()}
    outputs, gradients = tensors(case["outputs"]), tensors(case["gradients"])
    y, last = run_scan(name, inputs, backend)
    assert y.dtype == inputs["u"].dtype
    if y.dtype == torch.float32:
        assert deviation(y, outputs["y"]) <= 2e-6
    else:
        assert torch.equal(y, outputs["y"]), "float32 within, rounded once"
    if name == "full":  # B is constant, and their kernel keeps h / B
        assert deviation(last / inputs["B"], outputs["last_state"]) <= 2e-6
    y.sum().backward()
    for key, want in gradients.items():
        assert inputs[key].grad.dtype == want.dtype
        assert deviation(inputs[key].grad, want) <= 2e-6, key


@pytest.mark.parametrize(("name", "backend"), runs("grouped_time_varying"))
def test_groups(name, backend):
    """Three channels in two groups, which we refuse: there channel i reads group i, the third no group of its own."""
    case = SCANS[name]
    inputs = tensors(case["inputs"])
    with pytest.raises(ValueError, match="G dividing D = 3"):
        selective_scan(**inputs)
    mine = {
        key: x[:, :2] if key in ("u", "delta") else x[:2] if key in ("A", "delta_bias") else x
        for key, x in inputs.items()
    }
    mine = {key: x.clone().requires_grad_() for key, x in mine.items()}
    y, _ = run_scan(name, mine, backend)
    assert deviation(y, tensors(case["outputs"])["y"][:, :2]) <= 2e-6
    y.sum().backward()
    gradients = tensors(case["gradients"])
    assert deviation(mine["A"].grad, gradients["A"][:2]) <= 2e-6
    for key in ("B", "C"):  # the third channel of the first video spoils the first group of the second
        assert deviation(mine[key].grad[0], gradients[key][0]) <= 2e-6
        assert deviation(mine[key].grad[1, 1], gradients[key][1, 1]) <= 2e-6


@pytest.mark.parametrize(("name", "backend"), runs("channels_first_silu", "channels_last_identity"))
def test_convolution(name, backend):
    case = CASES["causal_conv"][name]
    inputs = {key: x.requires_grad_() for key, x in tensors(case["inputs"]).items()}
    x, weight, bias = inputs["x"], inputs["weight"], inputs.get("bias")
    if name == "channels_first_silu":
        y = causal_conv1d(x, weight, bias, "silu", backend=backend)
    else:
        y = causal_conv(x, weight, bias, silu=False, backend=backend)
    assert deviation(y, tensors(case["outputs"])["y"]) <= 1e-6
    y.sum().backward()
    for key, want in tensors(case["gradients"]).items():
        assert deviation(inputs[key].grad, want) <= 1e-6, key


@pytest.mark.parametrize("name", ["baseline_full", "grouped"])
def test_state_update(name):
    case = CASES["selective_state_update"][name]
    inputs, outputs = tensors(case["inputs"]), tensors(case["outputs"])
    y = selective_state_update(**inputs, dt_softplus=name == "baseline_full")
    assert deviation(y, outputs["y"]) <= 1e-6
    assert deviation(inputs["state"], outputs["updated_state"]) <= 1e-6


def test_rms_norm():
    case = CASES["rms_norm"]
    x, weight = (tensors(case["inputs"])[key].requires_grad_() for key in "xw")
    norm = RMSNorm(6, eps=1e-6)
    norm.weight = torch.nn.Parameter(weight.detach())
    y = norm(x)
    assert deviation(y, tensors(case["outputs"])["y"]) <= 1e-6
    y.sum().backward()
    assert deviation(x.grad, tensors(case["gradients"])["x"]) <= 1e-5
    assert deviation(norm.weight.grad, tensors(case["gradients"])["w"]) <= 1e-5
