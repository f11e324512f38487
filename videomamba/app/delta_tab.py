"""What a model looks at: delta maps over the playing clip, of any layer and direction, and one place over time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from videomamba.app.answers import friendly, shown
from videomamba.app.cleared import Results, clear_on, clear_when_changed, cleared_if_refused
from videomamba.app.inputs import checkpoint_choice, given_video
from videomamba.app.made import made_folder
from videomamba.app.setup import Setup, figure_width
from videomamba.data import load_clip
from videomamba.data.model_clip import ClipFilm, clip_film
from videomamba.data.video_writer import video_file
from videomamba.viz.curves import delta_curve, layer_steps
from videomamba.viz.delta import DeltaRows, Direction, Drawing, Scale
from videomamba.viz.delta_overlay import overlay_film, token_at, token_figure, with_mark

_AT_ONCE = 16  # frames of the film, after which it can be stopped
_WORDS = "Small steps (dark) keep the past; large ones (bright) take in the current token."


@dataclass(frozen=True, eq=False)
class Look:
    """What is known of one clip, in one session.

    Attributes:
        maps: (depth, 2, t, h, w) step sizes.
        film: the frames to lay them over.
        steps: (N,) which map in time each frame of the film has.
        seconds: (t,) of the maps, since the film's first frame.
    """

    maps: Tensor
    film: ClipFilm
    steps: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens."""
        return self.maps.shape[3], self.maps.shape[4]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the film."""
        return self.film.frames.shape[2], self.film.frames.shape[3]

    def rows(self, layer: int, direction: Direction, scale: Scale) -> DeltaRows:
        how = Drawing(range(len(self.maps)), direction, scale, overlay=True)
        return DeltaRows.one(self.maps, self.size, int(layer), how)


def look_at(setup: Setup, name: str, path: str) -> Look:
    """Computes the maps.

    Raises:
        VideoError: the video cannot be read.
    """
    model = setup.with_steps[name]
    clip = load_clip(path, model.preprocessing)
    with torch.inference_mode():
        maps = model.delta_maps(clip.video[None].to(setup.device))[0].cpu()
    tubelet = len(clip.timestamps) // maps.shape[2]
    seconds = (clip.timestamps - clip.timestamps[0])[::tubelet]
    film = clip_film(path, clip)
    return Look(maps, film, tuple((film.places // tubelet).tolist()), tuple(seconds.tolist()))


def delta_tab(setup: Setup, video: gr.Video, window: gr.Number) -> Results:
    """The tab."""
    look = gr.State(None)
    with gr.Row():
        name = checkpoint_choice(setup.with_steps)
        start = gr.Button("Show what it looks at", variant="primary", min_width=200)
        stop = gr.Button("Stop", min_width=80)
    with gr.Row():
        layer = gr.Slider(0, 1, 0, step=1, label="Layer", min_width=200)
        opacity = gr.Slider(0, 1, 0.6, step=0.05, label="Opacity", min_width=200)
    with gr.Row():
        direction = gr.Radio(["both", "forward", "backward"], value="both", label="Direction", min_width=260)
        scale = gr.Radio(
            [("one for all layers", "shared"), ("one per layer", "layer")], value="shared", label="Scale", min_width=260
        )
    words = gr.Markdown(_WORDS)
    with gr.Row():
        film = gr.Video(
            label="Step sizes over the clip",
            elem_id="overlay",
            loop=True,
            autoplay=True,
            interactive=False,
            min_width=280,
        )
        picture = gr.Image(
            label="One moment: click a place", elem_id="moment", interactive=False, buttons=[], min_width=280
        )
    with gr.Row():
        moment = gr.Slider(0, 1, 0, step=1, label="Moment", min_width=160)
        row = gr.Slider(0, 1, 0, step=1, label="Row of the place", min_width=160)
        column = gr.Slider(0, 1, 0, step=1, label="Column of the place", min_width=160)
    with gr.Row():
        place = gr.Plot(elem_classes="figure", label="Step size of the place over time", min_width=280)
        curve = gr.Plot(elem_classes="figure", label="Step size over depth", min_width=280)

    def nothing() -> dict[Any, Any]:
        return {look: None, words: _WORDS, film: None, picture: None, place: None, curve: None}

    @friendly
    @cleared_if_refused(nothing)
    def looked(path: str | None, chosen: str, width: float | None) -> Iterator[dict[Any, Any]]:
        path = given_video(path)
        yield nothing()
        found = look_at(setup, chosen, path)
        depth, _, t, h, w = found.maps.shape
        yield {
            look: found,
            words: f"{shown(Path(path).name)}. {_WORDS}",
            layer: gr.Slider(maximum=max(1, depth - 1), value=depth // 2),
            moment: gr.Slider(maximum=max(1, t - 1), value=t // 2),
            row: gr.Slider(maximum=max(1, h - 1), value=h // 2),
            column: gr.Slider(maximum=max(1, w - 1), value=w // 2),
            curve: delta_curve(layer_steps(found.maps), width=figure_width(width) * 0.7),
        }

    @friendly
    def film_of(found: Look | None, *how: Any) -> Iterator[Any]:
        if found is None:
            yield None
            return
        for step in write_overlay(found, *how):
            yield str(step) if isinstance(step, Path) else gr.skip()

    @friendly
    def picture_of(
        found: Look | None, number: float, way: Direction, range_: Scale, cover: float, when: float, r: float, c: float
    ) -> Iterator[np.ndarray | None]:
        yield (
            None if found is None else moment_picture(found, int(number), way, range_, cover, int(when), int(r), int(c))
        )

    @friendly
    def place_of(found: Look | None, number: float, r: float, c: float, width: float | None) -> Iterator[Figure | None]:
        if found is None:
            yield None
            return
        at = (min(int(r), found.grid[0] - 1), min(int(c), found.grid[1] - 1))
        width = figure_width(width) * 0.7
        yield token_figure(found.maps, int(number), *at, seconds=found.seconds, width=width)

    def clicked(found: Look | None, event: gr.SelectData) -> tuple[Any, Any]:
        if found is None:
            return gr.skip(), gr.skip()
        return token_at(event.index[0], event.index[1], found.size, found.grid)

    last: dict[str, Any] = {"trigger_mode": "always_last"}  # while a slider moves, what is out of date is left out
    hidden: dict[str, Any] = {"show_progress": "hidden", **last}
    quick: dict[str, Any] = {**hidden, "concurrency_id": "drawing"}  # not in line behind what computes
    how = [look, layer, direction, scale, opacity]
    asked = [look.change, layer.input, direction.input, scale.input, opacity.input]
    shows = [look, words, film, picture, place, curve]
    results = Results(shows, nothing)
    results.on([start.click], looked, [video, name, window], [*shows, layer, moment, row, column])
    results.on(asked, film_of, how, [film], **last)
    clear_when_changed([name], results)
    clear_on([stop.click], results)
    of_picture = [*asked, moment.change, row.change, column.change]
    results.on(of_picture, picture_of, [*how, moment, row, column], [picture], **quick)
    of_place = [look.change, layer.input, row.change, column.change]
    results.on(of_place, place_of, [look, layer, row, column, window], [place], **quick)
    picture.select(clicked, look, [row, column], api_visibility="private", **hidden)
    return results


def write_overlay(look: Look, layer: float, direction: Direction, scale: Scale, opacity: float) -> Iterator[int | Path]:
    """How many frames are drawn, now and then, and at last the film's file."""
    target = made_folder() / "overlay.mp4"
    rows = look.rows(int(layer), direction, scale)
    seconds = look.film.seconds.tolist()
    moving = seconds[-1] > 0
    fps = (len(seconds) - 1) / seconds[-1] if moving else 1.0
    pictures = overlay_film(look.film.frames, look.steps, rows, opacity=opacity)
    with video_file(target, height=look.size[0], width=look.size[1], fps=fps) as writer:
        for done, (picture, when) in enumerate(zip(pictures, seconds, strict=True), start=1):
            writer.write(picture, when if moving else None)
            if done % _AT_ONCE == 0:
                yield done
    yield target


def moment_picture(
    look: Look, layer: int, direction: Direction, scale: Scale, opacity: float, moment: int, row: int, column: int
) -> np.ndarray:
    """The frame in the middle of a map's time under it, with a frame around one place."""
    moment = min(moment, look.maps.shape[2] - 1)
    own = [i for i, step in enumerate(look.steps) if step == moment] or [0]
    frame = look.film.frames[own[len(own) // 2]]
    picture = look.rows(layer, direction, scale).picture(0, moment, frame, cover=opacity)
    return with_mark(picture, min(row, look.grid[0] - 1), min(column, look.grid[1] - 1), look.grid)
