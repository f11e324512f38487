"""Packages that only some parts need, and the extra of ours that installs each: ``pip install "videomamba[train]"``."""

from importlib.util import find_spec

from videomamba.errors import UserError

EXTRAS = {
    "accelerate": "train",
    "tensorboard": "train",
    "matplotlib": "train",
    "gradio": "app",
    "pyarrow": "parquet",
    "ray": "ray",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "onnxscript": "onnx",
    "transformers": "transformers",
    "torchcodec": "torchcodec",
}


def how_to_install(package: str) -> str:
    """The command that installs an optional package."""
    return f'pip install "videomamba[{EXTRAS[package]}]"'


def require(package: str, purpose: str) -> None:
    """Call it before the package's first import.

    Args:
        purpose: what needs the package, such as "training".

    Raises:
        UserError: the package is not installed; the message names the extra that brings it.

    Example:
        >>> from videomamba.extras import require
        >>> require("matplotlib", "a figure")
    """
    if find_spec(package) is None:
        raise UserError(f"{purpose} needs {package}, which is not installed: {how_to_install(package)}")
