"""Timelines: the classes of a long video as they are found; a click jumps to a moment."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from videomamba.app.answers import friendly, shown
from videomamba.app.cleared import Results, clear_on, clear_when_changed, cleared_if_refused
from videomamba.app.inputs import checkpoint_choice, given_video
from videomamba.app.made import made_folder
from videomamba.app.pictures import TimeAxis, picture_of
from videomamba.app.setup import Setup, figure_width
from videomamba.inference.source import open_stream
from videomamba.inference.timeline import Sliding
from videomamba.inference.timeline_files import TimelineFiles, merged_spans
from videomamba.inference.timeline_run import facts_of
from videomamba.inference.truth import Stretch, read_truth
from videomamba.viz.scores import clock

_SHARE = 4  # of the time is spent on scores, against 1 on pictures of them
_SHOWN = 100  # stretches in the table


def timeline_tab(setup: Setup, video: gr.Video, window: gr.Number) -> Results:
    """The tab."""
    axis = gr.State(None)
    with gr.Row():
        name = checkpoint_choice(setup.for_timelines)
        start = gr.Button("Make the timeline", variant="primary", min_width=160)
        stop = gr.Button("Stop", min_width=80)
    with gr.Accordion("What is really shown (a file of labels)", open=False):
        truth = gr.File(
            label="csv with start_s, end_s, label; or txt, one label per frame", file_types=[".csv", ".txt"], height=110
        )
    picture = gr.Image(
        label="Timeline: click to jump there",
        elem_id="timeline",
        elem_classes="figure",
        interactive=False,
        buttons=["fullscreen"],
    )
    jump = gr.Slider(0, 1, 0, step=0.1, label="Jump to (seconds)")
    said = gr.Markdown("")
    spans = gr.Dataframe(headers=["from", "to", "class", "mean probability"], label="Stretches", interactive=False)
    files = gr.File(label="Scores, csv and json", file_count="multiple", interactive=False)

    def nothing() -> dict[Any, Any]:
        return {picture: None, axis: None, jump: 0, said: "", spans: [], files: None}

    @friendly
    @cleared_if_refused(nothing)
    def made(path: str | None, chosen: str, labels: str | None, width: float | None) -> Iterator[dict[Any, Any]]:
        path = given_video(path)
        true = [] if labels is None else read_truth(Path(labels), Path(path))
        yield nothing()
        for step in grown(setup, chosen, path, true, figure_width(width)):
            yield {
                picture: step["picture"],
                axis: step["axis"],
                jump: gr.Slider(maximum=max(0.1, round(step["axis"].end, 1))),
                said: step["said"],
                **({spans: step["spans"], files: step["files"]} if "files" in step else {}),
            }

    def clicked(where: TimeAxis | None, event: gr.SelectData) -> Any:
        return gr.skip() if where is None else round(where.seconds(event.index[0]), 1)

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    outputs = [picture, axis, jump, said, spans, files]
    results = Results(outputs, nothing)
    results.on([start.click], made, [video, name, truth, window], outputs)
    clear_when_changed([name, truth], results)
    clear_on([stop.click], results)
    picture.select(clicked, axis, jump, **private)
    jump.change(lambda seconds: gr.Video(playback_position=seconds), jump, video, **private)
    return results


def grown(setup: Setup, name: str, path: str, truth: list[Stretch], width: float) -> Iterator[dict[str, Any]]:
    """The timeline so far, now and then, and at last with its files."""
    sliding = Sliding.over(setup.for_timelines[name], device=setup.device.type)
    csv = made_folder() / f"{Path(path).stem}.csv"
    files = TimelineFiles(csv, sliding.labels, facts_of(Path(path).name, name, sliding))
    try:
        with open_stream(Path(path)) as stream:
            files.begin(None)
            began, drawing, drawn = time.monotonic(), 0.0, time.monotonic()
            for moment in sliding.moments(stream):
                files.add(moment)
                if time.monotonic() - drawn > max(0.5, _SHARE * drawing):
                    drawn = time.monotonic()
                    yield _drawn(files, truth, width, moment.end, stream.seconds)
                    drawing = time.monotonic() - drawn
                    drawn = time.monotonic()
        found = files.finish(Path(path).stem)
    finally:
        files.close()
    end = found[-1].end_s
    table = [[_moment(s.start_s), _moment(s.end_s), s.label, f"{100 * s.score:.0f} %"] for s in found[:_SHOWN]]
    last = _drawn(files, truth, width, end, end)
    took = f"{shown(Path(path).name)}: {files.count} scores of {end:.1f} s in {time.monotonic() - began:.1f} s"
    yield {**last, "said": took, "spans": table, "files": [str(files.csv), str(files.json)]}


def _moment(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else clock(seconds)


def _drawn(
    files: TimelineFiles, truth: list[Stretch], width: float, done: float, whole: float | None
) -> dict[str, Any]:
    found = merged_spans(files.rows(), files.labels)
    figure = files.figure(found, truth=truth, length=max(done, whole or 0.0), width=width)
    pixels, axis = picture_of(figure)
    of = "" if whole is None else f" of {clock(whole)}"
    return {"picture": pixels, "axis": axis, "said": f"{clock(done)}{of}"}
