"""The page: one video at the left, and what can be done with it in tabs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from videomamba.app.cleared import Results, clear_when_changed
from videomamba.app.delta_tab import delta_tab
from videomamba.app.detect_tab import detect_tab
from videomamba.app.recognize_tab import recognize_tab
from videomamba.app.runs_tab import runs_tab
from videomamba.app.segment_tab import segment_tab
from videomamba.app.setup import Setup
from videomamba.app.timeline_tab import timeline_tab

# of the system, so that no font is fetched; blue and orange are told apart by the colour-blind
# text has a contrast of at least 4.5 to what it stands on
THEME = gr.themes.Default(
    primary_hue="blue",
    secondary_hue="orange",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(
    color_accent="*primary_600",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
    body_text_color_subdued="*neutral_600",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover_dark="*primary_700",
)
CSS = """
.gradio-container { max-width: 1500px !important }
:focus-visible { outline: 2px solid #0072B2 !important; outline-offset: 2px }
.toast-wrap { top: auto !important; bottom: 1rem } /* not over the tabs and buttons */
.dark { --color-accent: var(--primary-400) }
.clips figure { display: inline-block; vertical-align: top; width: min(100%, 280px); margin: 0 1rem 1rem 0 }
.clips video { width: 100% }
.figure { padding-top: 2rem !important } /* the label is above the figure, not on it */
"""
# pictures that a slow computer compresses as fast as they come (of 1920 x 1440 it loses them all); the page shows what
# the model sees, in which left is left; a microphone is not asked for
_CAMERA = gr.WebcamOptions(
    mirror=False,
    constraints={"video": {"width": {"ideal": 640}, "height": {"ideal": 480}}, "audio": False},
)
# the window's width; the browser also measures recordings of the camera, whose files do not say how long they are
_ON_LOAD = """() => {
  document.addEventListener("loadedmetadata", ({target}) => {
    if (target.duration !== Infinity || target.srcObject) return;
    target.addEventListener("durationchange", () => { target.currentTime = 0 }, {once: true});
    target.currentTime = 1e9;
  }, true);
  return window.innerWidth;
}"""
_SWEEP, _KEPT = 300, 3600  # seconds from one removal of old files to the next, and how long they stay


def make_page(setup: Setup, examples: Sequence[Path] = ()) -> gr.Blocks:
    """The page; tabs are there for what the checkpoints can do."""
    with gr.Blocks(title="videomamba", analytics_enabled=False, delete_cache=(_SWEEP, _KEPT)) as page:
        gr.Markdown("# videomamba")
        window = gr.Number(visible="hidden")  # pixels across
        with gr.Row():
            with gr.Column(scale=2, min_width=300) as left:
                video = gr.Video(label="Video", sources=["upload", "webcam"], elem_id="video", webcam_options=_CAMERA)
                if examples:
                    shown = [[str(file)] for file in examples]
                    gr.Examples(
                        shown,
                        [video],
                        label="Examples",
                        api_visibility="private",
                        example_labels=[file.stem for file in examples],
                    )
            with gr.Column(scale=5, min_width=300), gr.Tabs():
                tabs = _video_tabs(setup, video, window)
                if setup.runs is not None:
                    with gr.Tab("Runs") as runs:
                        runs_tab(setup, window)
                    runs.select(lambda: gr.Column(visible=False), None, left, **_QUIET)
                    for tab in tabs:
                        tab.select(lambda: gr.Column(visible=True), None, left, **_QUIET)
        if tabs:
            clear_when_changed([video], *tabs.values())
        page.load(None, None, window, js=_ON_LOAD)
    return page


_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def _video_tabs(setup: Setup, video: gr.Video, window: gr.Number) -> dict[gr.Tab, Results]:
    tabs = {}
    if setup.of_task("recognition"):
        with gr.Tab("Recognize") as tab:
            tabs[tab] = recognize_tab(setup, video)
    if setup.with_steps:
        with gr.Tab("What it looks at") as tab:
            tabs[tab] = delta_tab(setup, video, window)
    if setup.for_timelines:
        with gr.Tab("Timeline") as tab:
            tabs[tab] = timeline_tab(setup, video, window)
    if setup.of_task("detection"):
        with gr.Tab("Detection") as tab:
            tabs[tab] = detect_tab(setup, video)
    if setup.of_task("segmentation"):
        with gr.Tab("Segmentation") as tab:
            tabs[tab] = segment_tab(setup, video)
    return tabs
