"""Answers web requests with a checkpoint's classes: python examples/predict_from_web.py CHECKPOINT [PORT]

    curl --data-binary @holiday.mp4 http://127.0.0.1:8000/

The body of a request is a video file, the answer is JSON; what is no video gets status 400 and one line.
It listens to this machine only: put a server that knows TLS, users and limits in front of it.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from videomamba import load_model, predict
from videomamba.models import PretrainedModel

LARGEST = 200 << 20  # bytes of a request


def make_server(model: PretrainedModel, port: int) -> ThreadingHTTPServer:
    """A server on this machine; port 0 takes a free one."""
    one_at_a_time = Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = 60  # seconds without a byte

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            if not 0 < size <= LARGEST:
                self.answer(413 if size else 400, {"error": f"send a video of at most {LARGEST >> 20} MiB"})
                return
            with one_at_a_time:
                (result,) = predict(model, [self.rfile.read(size)])
            if result.error is None:
                found = [{"label": score.label, "probability": score.probability} for score in result.top_k]
                self.answer(200, {"predictions": found})
            else:
                self.answer(400, {"error": result.error})

        def answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    server = make_server(load_model(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8000)
    print(f"http://127.0.0.1:{server.server_port}/")
    server.serve_forever()


if __name__ == "__main__":
    main()
