"""What several tabs ask for: a checkpoint, and the page's video."""

from collections.abc import Iterable

import gradio as gr

from videomamba.errors import UserError


def checkpoint_choice(names: Iterable[str], *, label: str = "Checkpoint") -> gr.Dropdown:
    """A list of checkpoints, hidden where there is only one."""
    names = list(names)
    return gr.Dropdown(names, value=names[0], label=label, visible=len(names) > 1)


def given_video(path: str | None) -> str:
    """
    Raises:
        UserError: the page has no video.
    """
    if path is None:
        raise UserError("there is no video yet: drop one, record one or choose an example")
    return path
