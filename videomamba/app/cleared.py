"""Results stand beside what they are of: they go when that is changed, or when the work on them is stopped."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency


def clear_on(
    events: Sequence[Callable[..., Any]],
    nothing: Callable[[], dict[Block, Any]],
    outputs: Sequence[Block],
    *,
    running: Sequence[Dependency],
) -> None:
    """On any of the events what runs is ended, and then what is shown is cleared, without waiting in line.

    Args:
        events: of a button for stopping and of what the results are made of.
        nothing: the empty results.
        outputs: where they stand.
        running: what makes the results.
    """
    gr.on(list(events), None, cancels=list(running), api_visibility="private")
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
    gr.on(list(events), nothing, None, list(outputs), queue=False, **quiet)
