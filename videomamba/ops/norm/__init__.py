"""RMS normalisation in one pass on the CPU."""
