"""A stand-in of the Hub: a server that speaks its resolve protocol for the files of a folder."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from huggingface_hub import constants

COMMIT = "c" * 40


class _Resolve(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        repository, _, rest = self.path.lstrip("/").partition("/resolve/")
        file = self.server.root / repository / rest.partition("/")[2]
        self.send_response(200 if rest and file.is_file() else 404)
        self.send_header("X-Repo-Commit", COMMIT)
        if not (rest and file.is_file()):
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_header("ETag", f'"{hashlib.sha256(str(file).encode()).hexdigest()}"')
        self.send_header("Content-Length", str(file.stat().st_size))
        self.end_headers()
        if with_body:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError), file.open("rb") as source:
                while piece := source.read(1 << 20):
                    self.wfile.write(piece)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def served(root: Path) -> Iterator[ThreadingHTTPServer]:
    """Serves ``root/OWNER/NAME/FILE`` on 127.0.0.1; ``asked`` of the server lists the requests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Resolve)
    server.root, server.asked = root, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def use(monkeypatch, endpoint: str, home: Path) -> None:
    """What HF_ENDPOINT and HF_HOME do where they are set before huggingface_hub is imported."""
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HOME", str(home))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
