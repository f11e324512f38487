"""Results stand beside what they are of: they go when that is changed, or when the work on them is stopped."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from videomamba.app.answers import COMPUTING
from videomamba.errors import UserError

_Steps = Callable[..., Iterator[Any]]


@dataclass
class Latest:
    """Of one session: the number that its results were cleared with at last; 0: never yet."""

    number: float = 0

    def allows(self, number: float | None) -> bool:
        """Whether work that came with this number is not older than the last clearing."""
        return (number or 0) >= self.number


class Work:
    """What makes results, step by step, until they are cleared.

    Gradio's cancelling alone does not end work whose name the browser has not yet been told, and what such work finds
    would stand beside another video. So each piece of work comes with the number of the clearing before it, which the
    browser gives at once (its clock), and says nothing once there is a later one.
    """

    def __init__(self) -> None:
        self.number = gr.Number(None, visible="hidden")
        self.latest = gr.State(Latest())
        self.running: list[Dependency] = []

    def on(
        self,
        events: Sequence[Callable[..., Any]],
        steps: _Steps,
        inputs: Sequence[Block],
        outputs: Sequence[Block],
        **how: Any,
    ) -> None:
        """Runs a generator on any of the events; arguments as those of ``gradio.on``."""
        steps = while_latest(steps, len(outputs))
        self.running.append(
            gr.on(list(events), steps, [self.number, self.latest, *inputs], list(outputs), **COMPUTING, **how)
        )


def while_latest(steps: _Steps, outputs: int) -> _Steps:
    """The steps of a generator, until there is a later number than that which they came with."""

    def run(number: float | None, latest: Latest, *args: Any) -> Iterator[Any]:
        with closing(steps(*args)) as going:  # type: ignore[type-var]
            while latest.allows(number):
                try:
                    step = next(going)
                except StopIteration:
                    return
                if latest.allows(number):
                    yield step
        yield gr.skip() if outputs == 1 else [gr.skip()] * outputs  # the last step is said again at the end

    return run


@dataclass(frozen=True)
class Results:
    """
    Attributes:
        outputs: where they stand.
        nothing: what stands there without them.
        work: what makes them.
    """

    outputs: Sequence[Block]
    nothing: Callable[[], dict[Any, Any]]
    work: Work


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
    numbers = [one.work.number for one in results]

    def nothing(*given: Any) -> dict[Any, Any]:
        for number, latest in zip(given[: len(results)], given[len(results) :], strict=True):
            latest.number = max(latest.number, number)
        return {output: value for one in results for output, value in one.nothing().items()}

    running = [work for one in results for work in one.work.running]
    outputs = [output for one in results for output in one.outputs]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
    gr.on(list(events), None, None, numbers, js=f"() => Array({len(numbers)}).fill(Date.now())", **quiet)
    gr.on(list(events), None, cancels=running, api_visibility="private")
    gr.on(list(events), nothing, [*numbers, *(one.work.latest for one in results)], outputs, queue=False, **quiet)
