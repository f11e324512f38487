"""Files that the page makes, in a folder that ends with it."""

import contextlib
import os
import secrets
import time
from pathlib import Path

KEPT = 3600.0  # seconds


def uploads() -> Path:
    """The folder of uploads and of what is made; gradio reads the same variable."""
    return Path(os.environ["GRADIO_TEMP_DIR"])


def made_folder() -> Path:
    """A new folder for files that the page shows or offers; older ones are removed."""
    above = uploads() / "made"
    above.mkdir(exist_ok=True)
    for file in above.rglob("*"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > KEPT:
                file.rmdir() if file.is_dir() else file.unlink()
    folder = above / secrets.token_hex(8)
    folder.mkdir()
    return folder
