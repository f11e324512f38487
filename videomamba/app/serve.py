"""Serves the page until it is stopped; uploads and what was made of them are gone then."""

import os
import tempfile
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from videomamba.app.setup import Setup
from videomamba.data.processes import ended_by_sigterm
from videomamba.errors import UserError

_WAITING = 32  # requests in line, beyond which one is refused
_SESSIONS = 64  # whose maps and reports are kept


def serve(
    setup: Setup, *, host: str, port: int | None, max_upload: int, ready: Callable[[str], None], stop: threading.Event
) -> None:
    """Serves until ``stop`` is set, Ctrl-C or SIGTERM.

    Args:
        setup: what the page is made of.
        host: the address to listen on.
        port: the port; None: the first free one from 7860 on.
        max_upload: largest file, in MB.
        ready: called with the page's address when it answers.
        stop: ends it.

    Raises:
        UserError: the port is in use, or there is no such address.
    """
    with tempfile.TemporaryDirectory(prefix="videomamba-app-") as folder, ended_by_sigterm():
        # read by gradio, some as soon as it is imported
        os.environ |= {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False"}
        from videomamba.app.answers import show_notes
        from videomamba.app.examples import example_videos
        from videomamba.app.page import CSS, THEME, make_page

        page = make_page(setup, example_videos(Path(folder) / "examples"))
        with warnings.catch_warnings():
            show_notes()
            try:
                _, address, _ = page.queue(max_size=_WAITING).launch(
                    server_name=host,
                    server_port=port,
                    max_file_size=f"{max_upload}mb",
                    allowed_paths=[],
                    prevent_thread_lock=True,
                    quiet=True,
                    share=False,
                    ssr_mode=False,
                    mcp_server=False,
                    enable_monitoring=False,
                    footer_links=[],
                    state_session_capacity=_SESSIONS,
                    theme=THEME,
                    css=CSS,
                )
            except OSError as error:
                raise UserError(f"the page cannot listen on {host}, port {port or 7860}: {error}") from None
            try:
                ready(address)
                stop.wait()
            finally:
                page.close(verbose=False)
