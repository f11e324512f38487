"""Results stand beside what they are of: they go when that is changed, or when the work on them is stopped."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from videomamba.errors import UserError

_Steps = Callable[..., Iterator[dict[Any, Any]]]


@dataclass(frozen=True)
class Results:
    """
    Attributes:
        outputs: where they stand.
        nothing: what stands there without them.
        running: what makes them.
    """

    outputs: Sequence[Block]
    nothing: Callable[[], dict[Any, Any]]
    running: Sequence[Dependency]


def cleared_if_refused(nothing: Callable[[], dict[Any, Any]]) -> Callable[[_Steps], _Steps]:
    """The steps, which end with nothing where what was asked for cannot be done."""

    def with_function(function: _Steps) -> _Steps:
        @functools.wraps(function)
        def steps(*args: Any) -> Iterator[dict[Any, Any]]:
            try:
                yield from function(*args)
            except UserError:
                yield nothing()
                raise

        return steps

    return with_function


def clear_on(events: Sequence[Callable[..., Any]], *results: Results) -> None:
    """On any of the events what makes the results is ended, and then they are cleared, without waiting in line.

    The browser answers an event in the order in which its listeners were added, and waits for each: listeners that take
    long are added after this.
    """

    def nothing() -> dict[Any, Any]:
        return {output: value for one in results for output, value in one.nothing().items()}

    running = [work for one in results for work in one.running]
    outputs = [output for one in results for output in one.outputs]
    gr.on(list(events), None, cancels=running, api_visibility="private")
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
    gr.on(list(events), nothing, None, outputs, queue=False, **quiet)
