"""Many videos at the command line: Parquet files instead of answers on the terminal."""

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from videomamba.cli.common.options import Flag, invocation, names_given, option, people, print_json
from videomamba.errors import UserError

Engine = Annotated[
    Literal["local", "ray"] | None,
    option("local|ray", "write one row per video to Parquet files: in this process, or by Ray Data"),
]


@dataclass(frozen=True)
class ManyOptions:
    """Options of many videos.

    Attributes:
        engine: see :data:`Engine`.
        address: of a Ray cluster.
        shards: Parquet files.
        resume: go on.
    """

    engine: Engine = None
    address: Annotated[
        str | None, option("ADDRESS", "a Ray cluster, such as ray://head:10001 or auto; else Ray starts here")
    ] = None
    shards: Annotated[int | None, option("N", "Parquet files to write, about (one for every 1,000 videos)")] = None
    resume: Annotated[Flag, tyro.conf.arg(help="leave out the videos that the output folder has already")] = False

    def check_unused(self, needs: str) -> None:
        """
        Raises:
            UserError: an option without what it needs.
        """
        given = names_given(
            {"--engine": self.engine, "--address": self.address, "--shards": self.shards, "--resume": self.resume}
        )
        if given:
            raise UserError(f"{given[0]} is for many videos, in Parquet files; add {needs}")


Many = Annotated[ManyOptions, tyro.conf.OmitArgPrefixes, tyro.conf.arg(name="")]


def run(sources: Sequence[str], checkpoint: str, output: Path, many: ManyOptions, json: bool, **how: Any) -> int:
    """Writes the Parquet files, with a bar for people and a summary; the exit status is 2 if a file was unreadable.

    Args:
        sources: see :func:`videomamba.inference.source.single_sources`.
        checkpoint: of the model.
        output: folder to write.
        many: what was asked for.
        json: print the summary on standard output.
        **how: other fields of :class:`videomamba.inference.many.Options`.
    """
    from videomamba.inference.many import Options, run_many
    from videomamba.inference.source import named_sources

    if many.address is not None and many.engine != "ray":
        raise UserError(f"--address {many.address} is a Ray cluster's; add --engine ray")
    engine = many.engine or "local"
    options = Options(engine=engine, address=many.address, shards=many.shards, resume=many.resume, **how)
    console, found = people(), named_sources(sources)
    is_shown = console.is_terminal
    with Progress(
        TextColumn("videos"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not is_shown or engine == "ray",  # which has bars of its own
    ) as bar:
        task = bar.add_task("")
        try:
            summary = run_many(
                checkpoint,
                found,
                output,
                options,
                on_start=lambda done, total: bar.update(task, completed=done, total=total),
                on_row=lambda: bar.advance(task),
                bars=is_shown,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped; {output} is whole as far as it goes: {_continue()}") from None
    rate = (summary.videos - summary.done_before) / summary.seconds
    console.print(
        f"{output}: {summary.videos:,} videos in {summary.shards} Parquet files, {summary.done_before:,} of them from "
        f"before, {summary.errors:,} unreadable (column error); {rate:.1f} videos/s",
        soft_wrap=True,
    )
    if json:
        print_json(dataclasses.asdict(summary))
    return 2 if summary.errors else 0


def _continue() -> str:
    words = [word for word in invocation.get() if word != "--resume"]
    return shlex.join(["videomamba", *words, "--resume"])
