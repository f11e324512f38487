"""Results stand beside what they are of: they go when that is changed, or when the work on them is stopped."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.blocks import Block

from videomamba.app.answers import COMPUTING
from videomamba.errors import UserError

_Steps = Callable[..., Iterator[Any]]


@dataclass
class Latest:
    """Of one session and the results of one tab.

    Attributes:
        number: that of the last clearing; 0: never yet.
        begun: the number that each function began its last work with.
        running: functions at work, each with the number that its work came with.
    """

    number: float = 0
    begun: dict[_Steps, float] = field(default_factory=dict)
    running: set[tuple[_Steps, float]] = field(default_factory=set)


@dataclass(frozen=True)
class Results:
    """What stands beside what it is of, until it is cleared.

    Gradio's cancelling does not end work whose name the browser has not yet been told, and until the running step has
    ended a click on the button that starts the work does nothing. So each piece of work comes with the number of the
    clearing before it, which the browser gives at once (its clock), and ends once there is a later one.

    Attributes:
        outputs: where they stand.
        nothing: what stands there without them.
        asked: gets a new number when they are cleared, for what starts then.
        number: of the last clearing, in the browser.
        latest: the same on the server.
    """

    outputs: Sequence[Block]
    nothing: Callable[[], dict[Any, Any]]
    asked: gr.Number | None = None
    number: gr.Number = field(default_factory=lambda: gr.Number(None, visible="hidden"))
    latest: gr.State = field(default_factory=lambda: gr.State(Latest()))

    def on(
        self,
        events: Sequence[Callable[..., Any]],
        steps: _Steps,
        inputs: Sequence[Block],
        outputs: Sequence[Block],
        **how: Any,
    ) -> None:
        """Runs a generator that makes results on any of the events; arguments as those of ``gradio.on``."""

        def last_step(cleared: bool) -> Any:
            left = self.nothing() if cleared else {}
            return _values(left, outputs)

        how = {"trigger_mode": "multiple", **COMPUTING, **how}
        gr.on(list(events), while_latest(steps, last_step), [self.number, self.latest, *inputs], list(outputs), **how)


def while_latest(steps: _Steps, last_step: Callable[[bool], Any]) -> _Steps:
    """The steps of a generator, until there is a later number than that which they came with.

    The last step then tells whether it clears what the others said: they may reach the page after it was cleared. It
    does not where newer work has begun; nor of what is asked for while it runs, which is not done twice.
    """

    def run(number: float | None, latest: Latest, *args: Any) -> Iterator[Any]:
        number = number or 0
        mine = (steps, number)
        if mine in latest.running:
            yield last_step(False)
            return
        latest.running.add(mine)
        latest.begun[steps] = max(number, latest.begun.get(steps, 0))
        try:
            with closing(steps(*args)) as going:  # type: ignore[type-var]
                while number >= latest.number:
                    try:
                        step = next(going)
                    except StopIteration:
                        return
                    if number >= latest.number:
                        yield step
        finally:
            latest.running.discard(mine)
        yield last_step(latest.begun[steps] == number)

    return run


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


def clear_when_changed(of: Sequence[Any], *results: Results) -> None:
    """When one of the components that results are of gets another value they are cleared, as by :func:`clear_on`.

    A busy browser can say twice that a component has changed; the second time nothing happens.
    """
    seen = gr.Textbox(visible="hidden")
    js = """(seen, ...of) => {
        const now = JSON.stringify(of);
        return now === seen ? undefined : [...cleared(), now];
    }"""
    _clear([one.change for one in of], results, js, [seen, *of], [seen])


def clear_on(events: Sequence[Callable[..., Any]], *results: Results) -> None:
    """On any of the events the browser clears results, at once, and the server ends what makes them.

    What the browser shows does not wait for the server: its answer could come after the first steps of newer work.
    """
    _clear(events, results, "() => cleared()")


def _clear(
    events: Sequence[Callable[..., Any]],
    results: Sequence[Results],
    js: str,
    inputs: Sequence[Block] = (),
    outputs: Sequence[Block] = (),
) -> None:
    """The JavaScript takes ``inputs`` and gives what ``cleared()`` gives, and ``outputs``; or nothing."""
    numbers = [one.number for one in results]
    asked = [one.asked for one in results if one.asked is not None]
    cleared = {output: value for one in results for output, value in one.nothing().items()}
    states = [output for output in cleared if isinstance(output, gr.State)]
    shown = [output for output in cleared if output not in states]
    values = json.dumps([_as_shown(output, cleared[output]) for output in shown])

    def heard(*given: Any) -> Any:
        left: dict[Any, Any] = {}
        for one, number, latest in zip(results, given[: len(results)], given[len(results) :], strict=True):
            latest.number = max(latest.number, number)
            if number > max(latest.begun.values(), default=-1):  # else newer work has begun, which clears them itself
                left |= one.nothing()
        return _values(left, states) if states else None

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
    made = f"() => [...Array({len(numbers) + len(asked)}).fill(Date.now()), ...{values}]"
    js = f"(...given) => {{ const cleared = {made}; return ({js})(...given); }}"
    gr.on(list(events), None, list(inputs), [*numbers, *asked, *shown, *outputs], js=js, **quiet)
    gr.on(list(events), heard, [*numbers, *(one.latest for one in results)], states, queue=False, **quiet)


def _values(of: dict[Any, Any], outputs: Sequence[Block]) -> Any:
    """What a function of these outputs returns; those that nothing is said of stay."""
    values = [of.get(output, gr.skip()) for output in outputs]
    return values[0] if len(values) == 1 else values


def _as_shown(output: Any, value: Any) -> Any:
    """A value, or an update, as the browser gets it."""
    if isinstance(value, dict) and "__type__" in value:
        return value
    made = output.postprocess(value)
    return made.model_dump() if hasattr(made, "model_dump") else made
