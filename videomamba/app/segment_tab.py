"""Segmentation: which action happens when, in features or in a video."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from videomamba.app.answers import friendly, shown
from videomamba.app.cleared import Results, clear_on, clear_when_changed, cleared_if_refused
from videomamba.app.inputs import checkpoint_choice
from videomamba.app.made import made_folder
from videomamba.app.setup import Setup
from videomamba.app.told import told
from videomamba.errors import UserError
from videomamba.inference.features import windows_for, write_features
from videomamba.inference.predict import predict
from videomamba.inference.result import Result


def segment_tab(setup: Setup, video: gr.Video) -> Results:
    """The tab."""
    backbones = list(setup.with_steps)
    with gr.Row():
        name = checkpoint_choice(setup.of_task("segmentation"), label="Checkpoint of a segmenter")
        backbone = gr.Dropdown(
            backbones,
            value=next(iter(backbones), None),
            label="Features of a video are made by",
            visible=bool(backbones),
        )
        start = gr.Button("Find the actions", variant="primary", min_width=160)
        stop = gr.Button("Stop", min_width=80)
    features = gr.File(
        label="Features (C, T) as .npy; without a file, those of the video", file_types=[".npy"], height=110
    )
    said = gr.Markdown("")
    timeline = gr.Plot(elem_classes="figure", label="Segments")
    table = gr.Dataframe(headers=["from", "to", "action", "probability"], label="Segments", interactive=False)
    files = gr.File(label="Segments, json", interactive=False)

    def nothing() -> dict[Any, Any]:
        return {timeline: None, table: [], files: None, said: ""}

    @friendly
    @cleared_if_refused(nothing)
    def segmented(path: str | None, chosen: str, given: str | None, maker: str | None) -> Iterator[dict[Any, Any]]:
        if path is None and given is None:
            raise UserError("there is neither a video nor a file of features yet")
        yield {**nothing(), said: "computing"}
        source = Path(given or str(path))
        used = source.name
        if given is None:
            for step in made_features(setup, chosen, maker, source):
                if isinstance(step, str):
                    yield {said: step}
                else:
                    source = step
        (result,) = predict(setup.models[chosen], source, device=setup.device.type)
        if result.error is not None:
            raise UserError(result.error)
        target = source.with_name(f"{source.stem}.segments.json") if given is None else made_folder() / "segments.json"
        result.save(target)
        yield {timeline: result.plot(), table: _rows(result), files: str(target), said: f"Segments of {shown(used)}"}

    outputs = [timeline, table, files, said]
    results = Results(outputs, nothing)
    results.on([start.click], segmented, [video, name, features, backbone], outputs)
    clear_when_changed([features, name, backbone], results)
    clear_on([stop.click], results)
    return results


def made_features(setup: Setup, name: str, backbone: str | None, video: Path) -> Iterator[str | Path]:
    """How far it is, and at last the file of a video's features.

    Raises:
        UserError: there is no backbone, or one of other channels.
        VideoError: the video cannot be read.
    """
    channels = setup.models[name].config.input_dim
    if backbone is None:
        raise UserError(
            f"{name} takes features: start the page with a VideoMamba's --checkpoint too, or give an .npy file"
        )
    model = setup.with_steps[backbone]
    if model.config.embed_dim != channels:
        raise UserError(f"{backbone} gives features of {model.config.embed_dim} channels, {name} takes {channels}")
    target = made_folder() / f"{video.stem}.npy"
    of: dict[str, Any] = {"name": backbone, "device": setup.device}
    yield from told(
        lambda tell: write_features(
            target, model, video, windows_for(model), on_window=lambda done, whole: tell(_far(done, whole)), **of
        )
    )
    yield target


def _far(done: int, whole: int | None) -> str:
    return f"features of {done} windows" if whole is None else f"features of {done} of {whole} windows"


def _rows(result: Result) -> list[list[str]]:
    in_seconds = result.segments[0].end_seconds is not None
    rows = []
    for segment in result.segments:
        label, *ends = segment.bar(in_seconds)
        shown = [f"{end:.1f} s" if in_seconds else f"{end}" for end in ends]
        rows.append([*shown, label, f"{100 * segment.probability:.0f} %"])
    return rows
