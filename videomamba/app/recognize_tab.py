"""Recognition: classes with bars, of several checkpoints beside each other."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from videomamba.app.answers import friendly
from videomamba.app.cleared import Results, clear_on
from videomamba.app.setup import Setup
from videomamba.errors import UserError
from videomamba.inference.predict import predict

_TOP = 5


def recognize_tab(setup: Setup, video: gr.Video) -> Results:
    """The tab; it answers as soon as its results are cleared for a new video."""
    models = setup.of_task("recognition")
    names = list(models)
    asked = gr.Number(None, visible="hidden")  # a new number starts the work
    chosen = gr.CheckboxGroup(names, value=names, label="Checkpoints", visible=len(names) > 1)
    with gr.Row():
        labels = [gr.Label(label=name, num_top_classes=_TOP, min_width=280) for name in names]
    with gr.Row():
        again = gr.Button("Once more", size="sm", min_width=120)
        stop = gr.Button("Stop", size="sm", min_width=120)

    @friendly
    def recognized(path: str | None, wanted: list[str]) -> Iterator[dict[Any, Any]]:
        yield dict.fromkeys(labels)
        for name, label in zip(names, labels, strict=True):
            if path is None or name not in wanted:
                continue
            (result,) = predict(models[name], path, top_k=_TOP, device=setup.device.type)
            if result.error is not None:
                raise UserError(result.error)
            yield {label: {score.label: score.probability for score in result.top_k}}

    results = Results(labels, lambda: dict.fromkeys(labels))
    results.on([asked.change], recognized, [video, chosen], labels)
    clear_on([stop.click], results)
    anew = replace(results, asked=asked)
    clear_on([chosen.input, again.click], anew)
    return anew
