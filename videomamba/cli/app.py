"""``videomamba app``: the web page."""

import threading
from pathlib import Path
from typing import Annotated

import tyro

from videomamba.cli.common.options import Device, option, people
from videomamba.errors import UserError

_HERE = ("127.0.0.1", "localhost", "::1")
_RUNS = Path("runs")


def app(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, option("CHECKPOINT")] = (),
    runs: Annotated[Path | None, option("DIR")] = None,
    videos: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction, option("DIR")] = (),
    host: Annotated[str, option("ADDRESS")] = "127.0.0.1",
    port: Annotated[int | None, option("N")] = None,
    max_upload: Annotated[int, option("MB")] = 500,
    device: Device = "auto",
) -> int:
    """Starts a web page that recognises videos and shows what a model looks at, timelines and runs; Ctrl-C ends it.

    Tabs are there for what the checkpoints can do. Uploaded videos are removed after an hour, and all of them at the
    end.

    Args:
        checkpoint: model folder, run folder (its best/), .onnx file, published name or Hub id; may be given several
            times; by default the newest run in --runs, or the published model of `videomamba predict`
        runs: folder of runs to show (runs, if that is there)
        videos: folder of the videos that these runs were tested on, where they are not in the folder of runs; may be
            given several times; nothing outside of these folders is read
        host: address to listen on; 0.0.0.0 lets other computers in, without a password
        port: port to listen on (the first free one from 7860 on)
        max_upload: largest file that is taken, in MB
    """
    from videomamba import app as _needs_gradio  # noqa: F401  (says what to install)
    from videomamba.app.serve import serve
    from videomamba.app.setup import load_setup

    if max_upload < 1:
        raise UserError(f"--max-upload {max_upload}; give at least 1 MB")
    if port is not None and not 1 <= port <= 65535:
        raise UserError(f"--port {port}; give 1 to 65535")
    if runs is None and _RUNS.is_dir():
        runs = _RUNS
    if runs is None and videos:
        raise UserError(f"--videos {videos[0]}: videos are those of runs, and none are shown; add --runs DIR")
    console = people()
    setup = load_setup(checkpoint, device=device, runs=runs, videos=videos)

    def ready(address: str) -> None:
        if host not in _HERE:
            console.print(
                f"note: --host {host}: whoever can reach this computer can use the page, without a password: compute, "
                f"upload videos of up to {max_upload} MB, and see the runs and their held-out videos; what is sent is "
                "not encrypted",
                soft_wrap=True,
            )
        console.print(f"{', '.join(setup.models)}: {address}  (Ctrl-C ends it)", soft_wrap=True)

    serve(setup, host=host, port=port, max_upload=max_upload, ready=ready, stop=threading.Event())
    return 0
