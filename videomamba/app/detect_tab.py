"""Detection: what each person in a video does, as boxes on the playing video."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from videomamba.app.answers import friendly, shown
from videomamba.app.cleared import Results, clear_on, clear_when_changed, cleared_if_refused
from videomamba.app.inputs import checkpoint_choice, given_video
from videomamba.app.made import made_folder
from videomamba.app.setup import Setup
from videomamba.data.datasets.keyframe_clips import open_frames
from videomamba.errors import UserError
from videomamba.files import write_json
from videomamba.inference.boxes import FrameBoxes, find_boxes, look_times, read_boxes
from videomamba.inference.detect import detect_actions, write_film
from videomamba.inference.result import Keyframe, Result
from videomamba.models.object_detector import ObjectDetector

_BOX_SCORE = 0.8  # of Faster R-CNN's people
_SHOWN = 3  # actions of a box in the table


def detect_tab(setup: Setup, video: gr.Video) -> Results:
    """The tab."""
    with gr.Row():
        name = checkpoint_choice(setup.of_task("detection"), label="Checkpoint of a detector")
        start = gr.Button("Find what people do", variant="primary", min_width=180)
        stop = gr.Button("Stop", min_width=80)
    threshold = gr.Slider(0, 1, 0.5, step=0.05, label="Lowest probability of an action that is drawn")
    with gr.Accordion("Boxes (without a file, Faster R-CNN finds people, one look per second)", open=False):
        boxes = gr.File(
            label="csv or json: video,timestamp,x1,y1,x2,y2[,action],score", file_types=[".csv", ".json"], height=110
        )
        keyframes = gr.Textbox("0:1", label="From timestamps to seconds: ORIGIN:SPACING, even:N or ava")
    said = gr.Markdown("")
    film = gr.Video(label="Boxes and actions", elem_id="boxes", interactive=False, autoplay=True, loop=True)
    table = gr.Dataframe(headers=["seconds", "box", "actions"], label="Keyframes", interactive=False)
    files = gr.File(label="All scores, json", interactive=False)

    def nothing() -> dict[Any, Any]:
        return {film: None, table: [], files: None, said: ""}

    @friendly
    @cleared_if_refused(nothing)
    def detected(
        path: str | None, chosen: str, least: float, listed: str | None, when: str
    ) -> Iterator[dict[Any, Any]]:
        path = given_video(path)
        yield {**nothing(), said: "looking for people"}
        for step in found(setup, chosen, Path(path), least, listed, when):
            if isinstance(step, str):
                yield {said: step}
                continue
            words = f"{shown(Path(path).name)}: actions of at least {100 * least:.0f} % are drawn"
            yield {film: step[0], table: step[1], files: step[2], said: words}

    outputs = [film, table, files, said]
    results = Results(outputs, nothing)
    results.on([start.click], detected, [video, name, threshold, boxes, keyframes], outputs)
    clear_when_changed([name, boxes], results)
    clear_on([stop.click], results)
    return results


def found(
    setup: Setup, name: str, path: Path, threshold: float, listed: str | None, when: str
) -> Iterator[str | tuple[str, list[list[str]], str]]:
    """How far it is, and at last the film, the table's rows and the file of scores."""
    folder = made_folder()
    with open_frames(path, fps=None) as reader:
        looks: list[FrameBoxes] = []
        if listed is not None:
            looks = read_boxes(Path(listed), path, reader, keyframes=when)
        else:
            frames = look_times(reader, 1.0)
            people = find_boxes(reader, frames, ObjectDetector("person", threshold=_BOX_SCORE, device=setup.device))
            for done, look in enumerate(people, start=1):
                yield f"looked at {done} of {len(frames)} frames"
                looks += [look] if look.boxes else []
            if not looks:
                raise UserError(f"{path.name}: nobody is found")
        keyframes = []
        for keyframe in detect_actions(setup.models[name], reader, looks, device=setup.device):
            keyframes.append(keyframe)
            yield f"recognised the actions of {len(keyframes)} of {len(looks)} frames"
        target = folder / f"{path.stem}-actions.mp4"
        for done in write_film(target, reader, keyframes, threshold=threshold):
            if done % 50 == 0:
                yield f"drew {done} of {reader.num_frames} frames"
    write_json(folder / f"{path.stem}.json", Result(path.name, keyframes=tuple(keyframes)).to_dict())
    yield str(target), _rows(keyframes), str(folder / f"{path.stem}.json")


def _rows(keyframes: list[Keyframe]) -> list[list[str]]:
    return [
        [
            f"{keyframe.seconds:.1f}",
            ", ".join(f"{place:.2f}" for place in box.box),
            ", ".join(f"{action.label} {100 * action.probability:.0f} %" for action in box.actions[:_SHOWN]),
        ]
        for keyframe in keyframes
        for box in keyframe.boxes
    ]
