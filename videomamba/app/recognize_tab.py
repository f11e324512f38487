"""Recognition: classes with bars, of several checkpoints beside each other."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from videomamba.app.answers import COMPUTING, friendly
from videomamba.app.cleared import clear_on
from videomamba.app.setup import Setup
from videomamba.errors import UserError
from videomamba.inference.predict import predict

_TOP = 5


def recognize_tab(setup: Setup, video: gr.Video) -> None:
    """The tab; it answers as soon as there is a video."""
    models = setup.of_task("recognition")
    names = list(models)
    asked = gr.Number(0, visible="hidden")  # how often: its change starts the work, after what ran before has ended
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

    answering = asked.change(recognized, [video, chosen], labels, trigger_mode="multiple", **COMPUTING)
    new = [video.change, chosen.input, again.click]
    clear_on([*new, stop.click], lambda: dict.fromkeys(labels), labels, running=[answering])
    gr.on(new, lambda times: times + 1, asked, asked, queue=False, show_progress="hidden", api_visibility="private")
