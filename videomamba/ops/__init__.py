"""Pure functions on tensors: the selective scan and the causal convolution, the only place with kernels."""

from videomamba.ops.conv.api import causal_conv, causal_conv1d, causal_conv1d_update
from videomamba.ops.mixer.api import st_ssm
from videomamba.ops.mixer.reference import SSMWeights
from videomamba.ops.scan.api import bidirectional_scan, directional_scan, selective_scan
from videomamba.ops.scan.direction import ScanDirection
from videomamba.ops.scan.update import selective_state_update

__all__ = [
    "SSMWeights",
    "ScanDirection",
    "bidirectional_scan",
    "causal_conv",
    "causal_conv1d",
    "causal_conv1d_update",
    "directional_scan",
    "selective_scan",
    "selective_state_update",
    "st_ssm",
]
