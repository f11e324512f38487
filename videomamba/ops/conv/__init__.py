"""The depthwise causal convolution that comes before the scan."""
