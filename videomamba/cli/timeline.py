"""``videomamba timeline``: class scores over a video of any length."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from videomamba.cli.common.options import Checkpoint, Device, Flag, Json, invocation, option, people, print_json
from videomamba.cli.common.outputs import check_suffix
from videomamba.errors import UserError
from videomamba.files import check_writable, printable
from videomamba.locks import locked

if TYPE_CHECKING:
    from videomamba.inference.source import Source
    from videomamba.inference.timeline import Sliding
    from videomamba.inference.timeline_files import Span, TimelineFiles

Reconnect = Annotated[float | None, option("SECONDS", "how long to try again after a network stream fails (10)")]
_SHOWN = 30  # stretches that are printed


def timeline(
    video: Annotated[str, tyro.conf.Positional, option("VIDEO|URL|-|camera:N")],
    checkpoint: Checkpoint,
    window: Annotated[int | None, option("N")] = None,
    stride: Annotated[int | None, option("N")] = None,
    step: Annotated[int | None, option("N")] = None,
    output: Annotated[Path, option("DIR")] = Path("timelines"),
    out: Annotated[Path | None, option("FILE.mp4")] = None,
    resume: Flag = False,
    reconnect: Reconnect = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Writes class scores over time: NAME.csv, which grows, then NAME.json and NAME.png.

    Windows slide over the video; each frame is decoded once, and memory does not depend on the length. Ctrl-C keeps
    what is done, and --resume goes on with a file.

    Args:
        video: a video file, an http(s), rtsp or rtmp URL, - for standard input, or a camera
        window: frames that the model sees at a time (the checkpoint's own)
        stride: source frames from one score to the next (half a window)
        step: source frames from one frame of a window to the next (the checkpoint's own, or 1)
        output: folder of the files
        out: also write a film with a running caption, its short side 720 pixels at most
        resume: go on with an unfinished NAME.csv
    """
    from videomamba.data.stream import is_once
    from videomamba.inference.source import file_stem, one_source
    from videomamba.inference.timeline import Sliding
    from videomamba.inference.timeline_files import TimelineFiles
    from videomamba.inference.timeline_run import facts_of

    source, patience = one_source(video), seconds_of(reconnect, video)
    if resume and is_once(source):
        raise UserError(f"--resume: {video} can be read only once; only a timeline of a file can be resumed")
    check_writable(output, folder=True)
    for suffix in (".csv", ".json", ".png"):
        check_writable(output / f"{file_stem(source)}{suffix}", folder=False)
    if out is not None:
        check_suffix("--out", out, (".mp4",))
        check_writable(out, folder=False)
    sliding = Sliding.over(checkpoint, window=window, stride=stride, step=step, device=device)
    facts = facts_of(source, checkpoint, sliding)
    files = TimelineFiles(output / f"{file_stem(source)}.csv", sliding.labels, facts)
    console = people()
    with locked(files.csv, folder=False):
        if resume and files.is_complete:
            spans = files.finished()
            if out is not None:
                raise UserError(
                    f"--out {out}: {files.csv} is complete already; without --resume it is made anew, with the film"
                )
            console.print(f"{files.csv} is complete already", soft_wrap=True)
        else:
            _make(source, sliding, files, out, resume=resume, reconnect=patience, console=console)
            spans = files.finish(printable(Path(video).name))
    _show(spans, files, out, console)
    if json:
        print_json({**facts, "csv": files.csv, "json": files.json, "film": out, "spans": [vars(s) for s in spans]})
    return 0


def seconds_of(reconnect: float | None, source: str) -> float:
    """How long to try again, ten seconds where nothing is said.

    Raises:
        UserError: said of what is no network stream, or less than 0.
    """
    from videomamba.data.stream import PROTOCOLS

    if reconnect is None:
        return 10.0
    if not source.lower().startswith(PROTOCOLS):
        raise UserError(f"--reconnect {reconnect:g} is for network streams, and {source} is none; leave it out")
    if not reconnect >= 0:
        raise UserError(f"--reconnect {reconnect:g}; give seconds from 0 (never)")
    return reconnect


def _make(
    source: "Source",
    sliding: "Sliding",
    files: "TimelineFiles",
    out: Path | None,
    *,
    resume: bool,
    reconnect: float,
    console: Console,
) -> None:
    """Fills the csv, with a bar for people.

    Raises:
        KeyboardInterrupt: Ctrl-C; its text says what there is.
    """
    from videomamba.data.stream import is_once
    from videomamba.inference.timeline_run import run_timeline

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[at]}"), TimeElapsedColumn())
    bar = Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console, transient=True)
    bar.disable = not console.is_terminal
    with bar:
        task = bar.add_task(printable(files.csv.stem), total=None, at="")
        try:
            run_timeline(
                source,
                sliding,
                files,
                film=out,
                resume=resume,
                reconnect=reconnect,
                on_seconds=lambda done, of: bar.update(task, completed=done, total=of, at=_clock(done)),
            )
        except KeyboardInterrupt:
            if not files.count:
                raise KeyboardInterrupt("stopped before the first score") from None
            if is_once(source):
                files.finish(printable(files.csv.stem))
                raise KeyboardInterrupt(f"stopped; {files.csv} has what there was until then") from None
            words = [word for word in invocation.get() if word != "--resume"]
            again = shlex.join(["videomamba", *words, "--resume"])
            raise KeyboardInterrupt(f"stopped; {files.csv} has what is done; go on with: {again}") from None


def _show(spans: "list[Span]", files: "TimelineFiles", out: Path | None, console: Console) -> None:
    table = Table("from", "to", "class", "mean probability")
    for span in spans[:_SHOWN]:
        table.add_row(_clock(span.start_s), _clock(span.end_s), span.label, f"{100 * span.score:.0f} %")
    console.print(table)
    if len(spans) > _SHOWN:
        console.print(f"and {len(spans) - _SHOWN} more stretches")
    film = "" if out is None else f"; film: {out}"
    console.print(f"scores: {files.csv}, {files.json}; picture: {files.picture}{film}", soft_wrap=True)


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds to a tenth."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"
