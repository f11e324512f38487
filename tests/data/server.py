"""A web server of one video on 127.0.0.1, a process that can be killed: ``python server.py PORT FILE HOW SECONDS``.

HOW is ``length`` (Content-Length), ``chunked``, ``close`` (the connection's end is the video's), ``hang`` (as chunked,
and half-way nothing more comes) or ``cut`` (Content-Length, and half-way the connection ends). SECONDS is how long one
playing takes; 0 sends at once. ``chunked`` with SECONDS below 0 plays the file again and again, each time that long, as
a camera does.
"""

import contextlib
import http.server
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PACKET = 188 * 4  # of a transport stream: parts end between packets


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    data: bytes
    how: str
    seconds: float

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.close_connection = True
        self.send_response(200)
        if self.how in ("length", "cut"):
            self.send_header("Content-Length", str(len(self.data)))
        else:
            self.send_header(*(("Connection", "close") if self.how == "close" else ("Transfer-Encoding", "chunked")))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self._send()

    def _send(self) -> None:
        data = self.data[: len(self.data) // 2] if self.how in ("hang", "cut") else self.data
        parts = [data[i : i + PACKET] for i in range(0, len(data), PACKET)]
        began = time.monotonic()
        for played in range(1 if self.seconds >= 0 else 10**6):
            for i, part in enumerate(parts):
                due = began + abs(self.seconds) * (played + i / len(parts))
                time.sleep(max(0.0, due - time.monotonic()))
                framed = b"%x\r\n%b\r\n" % (len(part), part) if self.how in ("chunked", "hang") else part
                self.wfile.write(framed)
        if self.how == "hang":
            time.sleep(60)
        if self.how == "chunked":
            self.wfile.write(b"0\r\n\r\n")


class Served:
    """A server in a process of its own; ``how`` may also be ``rtsp``.

    Attributes:
        url: of the video.
    """

    def __init__(self, file: Path, how: str, seconds: float = 0.0) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._words = (str(file), how, str(seconds))
        self._script = Path(__file__).with_name("rtsp_server.py") if how == "rtsp" else Path(__file__)
        self.url = f"{'rtsp' if how == 'rtsp' else 'http'}://127.0.0.1:{self._port}/{file.name}"
        self.start()

    def start(self) -> None:
        """Starts it, or starts it again on the same port."""
        self.process = subprocess.Popen([sys.executable, str(self._script), str(self._port), *self._words])
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)):
                return
            time.sleep(0.05)
        raise AssertionError("the server does not start")

    def kill(self) -> None:
        """Ends it as a crash does."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def served(file: Path, how: str, seconds: float = 0.0) -> Iterator[Served]:
    """A server that is gone afterwards."""
    server = Served(file, how, seconds)
    try:
        yield server
    finally:
        server.kill()


if __name__ == "__main__":
    Handler.data, Handler.how, Handler.seconds = Path(sys.argv[2]).read_bytes(), sys.argv[3], float(sys.argv[4])
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
