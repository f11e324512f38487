"""Pure functions on tensors: the selective scan and the causal convolution, the only home of kernels."""

from videomamba.ops.conv.api import causal_conv, causal_conv1d
from videomamba.ops.scan.api import bidirectional_scan, directional_scan, selective_scan
from videomamba.ops.scan.direction import ScanDirection

__all__ = ["ScanDirection", "bidirectional_scan", "causal_conv", "causal_conv1d", "directional_scan", "selective_scan"]
