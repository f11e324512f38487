"""``videomamba benchmark``: speeds and costs on this machine."""

from typing import Annotated, Any

import tyro

from videomamba.cli.benchmark.data import data
from videomamba.cli.benchmark.model import model
from videomamba.cli.benchmark.operations import operations
from videomamba.cli.benchmark.scan import scan


def benchmark(
    what: Annotated[
        Annotated[Any, tyro.conf.subcommand("scan", constructor=scan)]
        | Annotated[Any, tyro.conf.subcommand("model", constructor=model)]
        | Annotated[Any, tyro.conf.subcommand("operations", constructor=operations)]
        | Annotated[Any, tyro.conf.subcommand("data", constructor=data)],
        tyro.conf.arg(name=""),
    ],
) -> int:
    """Measures speeds, and counts operations, on this machine: scan, model, operations or data."""
    result: int = what
    return result
