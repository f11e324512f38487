"""One command that proves and times the Triton kernels on a GPU: ``python -m videomamba.benchmark.gpu``."""
