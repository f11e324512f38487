"""Tasks: a loss, how outputs are read, and the metrics."""
