"""Runs: curves, the confusion matrix, the worst mistakes as clips, and two runs compared."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from videomamba.app.answers import COMPUTING, friendly, shown
from videomamba.app.cleared import clear_on
from videomamba.app.made import made_folder
from videomamba.app.setup import Setup, figure_width
from videomamba.data import VideoError
from videomamba.data.excerpt import write_excerpt
from videomamba.engine.run_folder import RunFolder
from videomamba.errors import UserError
from videomamba.experiments.judged import Judged, judged_videos
from videomamba.experiments.report import Report, compare, curve_of, held_out, settings_of
from videomamba.files import printable
from videomamba.inference.onnx_model import load_trained
from videomamba.viz.confusion import confusion_figure
from videomamba.viz.learning import learning_figure

_MISTAKES = 8
_NO_RUN = "none"


def runs_tab(setup: Setup, window: gr.Number) -> None:
    """The tab."""
    assert setup.runs is not None
    runs = {str(run.path.relative_to(setup.runs)): run for run in RunFolder.finished(setup.runs)}
    if not runs:
        gr.Markdown(f"There is no finished run in `{shown(str(setup.runs))}` yet.")
        return
    reports = gr.State({})
    newest = max(runs, key=lambda name: runs[name].ended)
    with gr.Row():
        name = gr.Dropdown(list(runs), value=newest, label="Run", min_width=220)
        other = gr.Dropdown([_NO_RUN, *runs], value=_NO_RUN, label="Compared with", min_width=220)
        model = gr.Radio(["last", "best"], value="last", label="Model", min_width=140)
    with gr.Row():
        start = gr.Button("Test on its held-out videos", variant="primary", min_width=200)
        stop = gr.Button("Stop", min_width=80)
    curves = gr.Plot(elem_classes="figure", label="Learning curves")
    said = gr.Markdown("")
    matrix = gr.Plot(elem_classes="figure", label="Confusion matrix")
    pairs = gr.Dataframe(
        headers=["a", "b", "a taken for b", "b taken for a"], label="Confused pairs", interactive=False
    )
    mistakes = gr.Gallery(label="The worst mistakes: open one to play it", columns=2, height="auto", interactive=False)
    compared = gr.Dataframe(
        label="Compared on the same videos", headers=["top-1, %", "run", "other", "difference"], visible=False
    )
    settings = gr.Dataframe(label="Settings that differ", headers=["setting", "run", "other"], visible=False)

    def nothing() -> dict[Any, Any]:
        hidden = gr.Dataframe(visible=False)
        return {said: "", matrix: None, pairs: [], mistakes: None, compared: hidden, settings: hidden}

    @friendly
    def drawn(first: str, second: str, width: float | None) -> Any:
        chosen = [first] if second == _NO_RUN else [first, second]
        curve = {printable(run): curve_of(runs[run]) for run in dict.fromkeys(chosen)}
        return learning_figure(curve, width=figure_width(width))

    @friendly
    def tested(
        first: str, second: str, which: str, known: dict[str, Report], width: float | None
    ) -> Iterator[dict[Any, Any]]:
        yield {**nothing(), said: "reading"}
        found = []
        for run in dict.fromkeys([first] if second == _NO_RUN else [first, second]):
            key = f"{run}/{which}"
            if key not in known:
                for step in report_of(setup, runs[run], run, which):
                    if isinstance(step, str):
                        yield {said: step}
                    else:
                        known = {**known, key: step}
            found.append(known[key])
        report = found[0]
        figure = confusion_figure(
            report.confusion, [printable(label) for label in report.class_names], width=min(7.0, figure_width(width))
        )
        words = f"**top-1 {100 * report.top1:.1f} %** of {len(report.judged)} videos"
        yield {reports: known, said: words, matrix: figure, pairs: [list(pair) for pair in report.confused_pairs()]}
        clips: list[tuple[str, str]] = []
        for video in report.worst(_MISTAKES):
            clips += clip_of(video)
            yield {mistakes: clips}
        if len(found) > 1:
            result = compare(*found)
            rows = [[row[0], *(f"{value:.1f}" for value in row[1:])] for row in result.rows]
            yield {
                compared: gr.Dataframe(rows, visible=True),
                settings: gr.Dataframe([list(row) for row in result.settings], visible=bool(result.settings)),
                said: f"{words}; {result.sentence(first, second)}",
            }

    drawing: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on([name.change, other.change, window.change], drawn, [name, other, window], curves, **drawing)
    results = [said, matrix, pairs, mistakes, compared, settings]
    testing = start.click(tested, [name, other, model, reports, window], [reports, *results], **COMPUTING)
    of_another = [name.change, other.change, model.change]
    clear_on([*of_another, stop.click], nothing, results, running=[testing])


def report_of(setup: Setup, run: RunFolder, name: str, which: str) -> Iterator[str | Report]:
    """How far the test is, and at last its report.

    Raises:
        UserError: a run of another task, or videos that are gone or outside of the folders that may be read.
    """
    folder = run.best if which == "best" else run.last
    model = load_trained(folder)
    if model.task != "recognition":
        raise UserError(f"{name} is a run of {model.task}; this shows runs of recognition")
    part = held_out(run, model)
    for record in part.records:
        setup.check_inside(record.path)
    judged: list[Judged] = []
    broken: list[str] = []
    for answer in judged_videos(model, part, device=setup.device):
        judged.append(answer) if isinstance(answer, Judged) else broken.append(answer)
        if (done := len(judged) + len(broken)) % 8 == 0:
            yield f"{name}: {done} of {len(part)} videos"
    if not judged:
        raise UserError(f"{name}: no held-out video can be read, the first: {broken[0]}")
    yield Report(name, model.labels, tuple(judged), curve_of(run), settings_of(run))


def clip_of(video: Judged) -> list[tuple[str, str]]:
    """The clip with its caption; nothing for a video that is gone meanwhile."""
    target: Path = made_folder() / f"{video.path.stem}.mp4"
    try:
        write_excerpt(video.path, target)
    except VideoError:
        return []
    said, truth = f"{video.said} ({100 * video.probability:.0f} %)", f"{video.truth} ({100 * video.of_truth:.0f} %)"
    return [(str(target), f"said {said}, is {truth}")]
