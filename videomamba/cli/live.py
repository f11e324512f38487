"""``videomamba live``: what a camera or a stream shows, as it arrives."""

import contextlib
import json as jsons
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import tyro
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from videomamba.cli.common.options import Checkpoint, Device, Json, option, people
from videomamba.cli.common.outputs import check_suffix
from videomamba.cli.timeline import Reconnect, seconds_of
from videomamba.errors import UserError
from videomamba.files import check_writable
from videomamba.locks import locked
from videomamba.tables import csv_lines

if TYPE_CHECKING:
    from videomamba.inference.live import LiveRun, LiveScore


def live(
    source: Annotated[str, tyro.conf.Positional, option("camera:N|URL|-|FILE")],
    checkpoint: Checkpoint,
    hop: Annotated[int | None, option("N")] = None,
    step: Annotated[int | None, option("N")] = None,
    top_k: Annotated[int, option("K")] = 5,
    out: Annotated[Path | None, option("FILE.csv")] = None,
    reconnect: Reconnect = None,
    device: Device = "auto",
    json: Annotated[Json, tyro.conf.arg(help="print each score as a line of JSON on standard output")] = False,
) -> int:
    """Shows the best classes of a stream as it arrives, until it ends or Ctrl-C.

    A window slides over the newest frames; a model that was trained to be causal carries its states instead. Where the
    model is slower than the source, scores and then frames are skipped, and counted.

    Args:
        source: a camera, an http(s), rtsp or rtmp URL, - for standard input, or a file, played at its own pace
        hop: frames that the model sees from one score to the next (a quarter of its window; one tubelet if causal)
        step: source frames from one frame that the model sees to the next (the checkpoint's own, or 1)
        top_k: classes to show
        out: also write all scores there, one row as soon as it is known
    """
    from videomamba.inference.live import LiveRun
    from videomamba.inference.session import Session, sample_step
    from videomamba.inference.source import one_source, open_stream
    from videomamba.models import load_model

    if top_k < 1:
        raise UserError(f"--top-k {top_k}; give at least 1")
    patience = seconds_of(reconnect, source)
    if out is not None:
        check_suffix("--out", out, (".csv",))
        check_writable(out, folder=False)
    model = load_model(checkpoint)
    chosen = sample_step(model, step)
    session = Session(model, hop=hop, step=1, device=device)
    console = people()
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_stream(one_source(source), reconnect=patience, endless=True))
        run = LiveRun(session, stream, step=chosen)
        console.print(_says(run, chosen), soft_wrap=True)
        if out is not None:
            stack.enter_context(locked(out, folder=False))
        table = None if out is None else stack.enter_context(out.open("wb"))
        if table is not None:
            _row(table, ["time_s", "label", "score", *session.labels])
        stack.callback(_end, run, console, json)
        shown = stack.enter_context(_shown(run, console, top_k))
        for score in run:
            shown(score)
            best = int(score.scores.argmax())
            if table is not None:
                scores = [f"{value:.6f}" for value in score.scores.tolist()]
                _row(table, [f"{score.seconds:.6f}", session.labels[best], scores[best], *scores])
            if json:
                _line(_answer(run, score, top_k))
    return 0


def _says(run: "LiveRun", step: int) -> str:
    """What a score is of."""
    session, rate = run.session, run.stream.fps
    hop = session.every * step
    every = f"a score every {hop} frames" + (f" ({hop / rate:.2f} s)" if rate else "")
    if session.window is None:
        return f"{run.stream.name}: states are carried; {every}, of all frames so far"
    span = (session.window - 1) * step + 1
    return f"{run.stream.name}: {every}, of the last {span} frames" + (f" ({span / rate:.2f} s)" if rate else "")


def _answer(run: "LiveRun", score: "LiveScore", top_k: int) -> dict[str, Any]:
    best = score.scores.argsort(descending=True, stable=True)[:top_k].tolist()
    top = [{"label": run.session.labels[i], "probability": round(float(score.scores[i]), 6)} for i in best]
    counts = {"dropped_frames": run.dropped, "skipped_scores": run.skipped, "reconnects": run.stream.reconnects}
    latency = round(1000 * score.latency, 1)
    return {"seconds": round(score.seconds, 6), "frame": score.frame, "top": top, "latency_ms": latency, **counts}


@contextlib.contextmanager
def _shown(run: "LiveRun", console: Console, top_k: int) -> Iterator[Any]:
    """A table that stays where it is on a terminal; elsewhere a line whenever the best class is another."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as display:
            yield lambda score: display.update(_display(run, _answer(run, score, top_k)), refresh=True)
        return
    before = None

    def line(score: "LiveScore") -> None:
        nonlocal before
        (best,) = _answer(run, score, 1)["top"]
        if best["label"] != before:
            before = best["label"]
            console.print(f"{score.seconds:.1f} s: {before} {100 * best['probability']:.0f} %", soft_wrap=True)

    yield line


def _display(run: "LiveRun", answer: dict[str, Any]) -> Group:
    table = Table.grid(padding=(0, 1))
    for one in answer["top"]:
        share = one["probability"]
        table.add_row(f"{100 * share:3.0f} %", ProgressBar(1.0, share, width=30), one["label"])
    figures = (
        f"{answer['seconds']:.1f} s  {run.fps:.1f} frames/s  latency {answer['latency_ms']:.0f} ms  "
        f"skipped {run.skipped} scores, {run.dropped} frames  reconnects {answer['reconnects']}"
    )
    return Group(table, Text(figures, no_wrap=True, overflow="ellipsis"))


def _end(run: "LiveRun", console: Console, json: bool) -> None:
    """What the run was, for people and for programs."""
    summary = run.summary()
    console.print("  ".join(f"{name.replace('_', ' ')} {value}" for name, value in summary.items()), soft_wrap=True)
    if json:
        _line({"summary": summary})


def _line(value: dict[str, Any]) -> None:
    sys.stdout.write(jsons.dumps(value) + "\n")
    sys.stdout.flush()


def _row(table: BinaryIO, fields: list[str]) -> None:
    table.write(csv_lines([fields]).encode("utf-8", "surrogateescape"))
    table.flush()
