"""Runs: curves, the confusion matrix, the worst mistakes as clips, and two runs compared."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from videomamba.app.answers import friendly, shown
from videomamba.app.cleared import Results, clear_on, clear_when_changed, cleared_if_refused
from videomamba.app.setup import Setup, figure_width
from videomamba.engine.run_folder import RunFolder
from videomamba.errors import UserError
from videomamba.experiments.judged import Judged, judged_videos
from videomamba.experiments.report import Report, compare, curve_of, held_out, settings_of
from videomamba.experiments.report_page import clip_figure
from videomamba.files import printable
from videomamba.inference.onnx_model import load_trained
from videomamba.viz.confusion import confusion_figure
from videomamba.viz.learning import learning_figure

_MISTAKES = 8
_HEAD = "<p>The worst mistakes, those first of which the model was surest; the middle 10 seconds of each video.</p>"
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
    mistakes = gr.HTML(label="The worst mistakes", elem_classes="clips")
    compared = gr.Dataframe(
        label="Compared on the same videos", headers=["top-1, %", "run", "other", "difference"], visible=False
    )
    settings = gr.Dataframe(label="Settings that differ", headers=["setting", "run", "other"], visible=False)

    def nothing() -> dict[Any, Any]:
        hidden = gr.update(visible=False)
        return {said: "", matrix: None, pairs: [], mistakes: "", compared: hidden, settings: hidden}

    @friendly
    def drawn(first: str, second: str, width: float | None) -> Any:
        chosen = [first] if second == _NO_RUN else [first, second]
        curve = {printable(run): curve_of(runs[run]) for run in dict.fromkeys(chosen)}
        return learning_figure(curve, width=figure_width(width))

    @friendly
    @cleared_if_refused(nothing)
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
        clips = []
        for video in report.worst(_MISTAKES):
            clips.append(clip_figure(video))
            yield {said: f"{words}; clip {len(clips)} of its worst mistakes"}
        yield {said: words, mistakes: _HEAD + "".join(clips) if clips else "No mistake."}
        if len(found) > 1:
            result = compare(*found)
            rows = [[row[0], *(f"{value:.1f}" for value in row[1:])] for row in result.rows]
            yield {
                compared: gr.Dataframe(rows, visible=True),
                settings: gr.Dataframe([list(row) for row in result.settings], visible=bool(result.settings)),
                said: f"{words}; {result.sentence(first, second)}",
            }

    results = Results([said, matrix, pairs, mistakes, compared, settings], nothing)
    of_test = [name, other, model, reports, window]
    results.on([start.click], tested, of_test, [reports, *results.outputs])
    clear_when_changed([name, other, model], results)
    clear_on([stop.click], results)
    drawing: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
    gr.on([name.change, other.change, window.change], drawn, [name, other, window], curves, **drawing)


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
    setup.check_inside(record.path for record in part.records)
    judged: list[Judged] = []
    broken: list[str] = []
    for answer in judged_videos(model, part, device=setup.device):
        judged.append(answer) if isinstance(answer, Judged) else broken.append(answer)
        if (done := len(judged) + len(broken)) % 8 == 0:
            yield f"{name}: {done} of {len(part)} videos"
    if not judged:
        raise UserError(f"{name}: no held-out video can be read, the first: {broken[0]}")
    yield Report(name, model.labels, tuple(judged), curve_of(run), settings_of(run))
