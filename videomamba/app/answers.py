"""How functions of the page answer: users' errors as one line, notes as a message, without paths of the server."""

import contextlib
import functools
import html
import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from videomamba.app.made import uploads
from videomamba.errors import UserError
from videomamba.files import printable
from videomamba.notes import UserNote

# of events that compute: two at a time, whoever asked; the others wait in line
COMPUTING: dict[str, Any] = {"concurrency_id": "computing", "concurrency_limit": 2, "api_visibility": "private"}


def friendly(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, or generator, with errors of users shown as one line in the page; a bug shows its traceback in the
    terminal.

    Each step of a generator that yields values by component says again what the steps before have said: a busy browser
    can otherwise lose a value that the next step leaves alone, as Gradio's client changes it in place to say so.
    """
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def steps(*args: Any, **named: Any) -> Iterator[Any]:
            said: dict[Any, Any] = {}
            with _one_line(), contextlib.closing(function(*args, **named)) as going:
                for step in going:
                    if isinstance(step, dict):
                        said = said | step
                        yield said
                    else:
                        yield step

        return steps

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        with _one_line():
            return function(*args, **named)

    return call


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise gr.Error(shown(str(error)), print_exception=False, title="This cannot be done") from None


def shown(message: str) -> str:
    """A message without the folder of uploads in it, and safe within html."""
    folder = uploads()
    words = [Path(word).name if Path(word).is_relative_to(folder) else word for word in printable(message).split(" ")]
    return html.escape(" ".join(words))


def show_notes() -> None:
    """From now on notes are shown to the session whose request led to them, each time."""
    warnings.simplefilter("always", UserNote)
    warnings.showwarning = _show


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, UserNote):
        gr.Info(shown(str(message)), title="Note")
