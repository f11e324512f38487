"""A checkpoint as one file, and the file served without PyTorch and without this package:

    python examples/export_and_serve.py export CHECKPOINT model.onnx
    python examples/export_and_serve.py serve model.onnx 8000           # needs av, numpy and onnxruntime
    curl --data-binary @holiday.mp4 http://127.0.0.1:8000/

The body of a request is a video file, the answer is JSON; what is no video gets status 400 and one line.
It listens to this machine only: put a server that knows TLS, users and limits in front of it.
"""

import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av
import numpy as np
import onnxruntime

LARGEST = 200 << 20  # bytes of a request


def export(checkpoint: str, path: str) -> None:
    """Where this package is installed; once."""
    import videomamba

    written = videomamba.export(checkpoint, path)
    print(f"{written.path}: inputs {written.inputs}, differs from the model by at most {written.difference:.1e}")


class Classifier:
    """The file in onnxruntime; may be called from several threads."""

    def __init__(self, path: str) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        about = json.loads(self.session.get_modelmeta().custom_metadata_map["videomamba"])
        self.names: list[str] = about["class_names"]
        self.prepared: dict[str, Any] = about["preprocessing"]
        assert self.prepared["sampling"] == "middle", "read_clip takes the middle of each part"

    def __call__(self, video: bytes) -> list[dict[str, Any]]:
        (logits,) = self.session.run(["logits"], {"video": read_clip(video, self.prepared)[None]})
        probabilities = np.exp(logits[0] - logits[0].max())
        probabilities /= probabilities.sum()
        best = probabilities.argsort()[::-1][:5]
        return [{"label": self.names[i], "probability": float(probabilities[i])} for i in best]


def read_clip(video: bytes, prepared: dict[str, Any]) -> np.ndarray:
    """The clip that the model was tested on: (3, T, H, W) float32. Raises av's errors for what is no video."""
    height, width = prepared["size"]
    with av.open(io.BytesIO(video)) as container:
        frames = [_picture(frame, height, width, prepared["crop"]) for frame in container.decode(video=0)]
    total, count, stride = len(frames), prepared["num_frames"], prepared["stride"]
    if stride is None:
        places = [int((i + 0.5) * total / count) for i in range(count)]
    else:
        start = max(0, total - (count - 1) * stride - 1) // 2
        places = [min(start + i * stride, total - 1) for i in range(count)]
    pixels = np.stack([frames[place] for place in places]).astype(np.float32) / 255
    mean, std = (np.array(prepared[name], np.float32) for name in ("mean", "std"))
    return np.ascontiguousarray(((pixels - mean) / std).transpose(3, 0, 1, 2))


def _picture(frame: av.VideoFrame, height: int, width: int, crop: float) -> np.ndarray:
    """The middle of a frame, resized and turned as a phone that was held upright asks: (height, width, 3) uint8."""
    turns = round(frame.rotation / 90)  # counterclockwise
    if turns % 2:
        height, width = width, height
    scale = max(height / frame.height, width / frame.width) / crop
    high, wide = max(height, round(scale * frame.height)), max(width, round(scale * frame.width))
    pixels = frame.to_ndarray(format="rgb24", width=wide, height=high, interpolation="BILINEAR")
    top, left = (high - height) // 2, (wide - width) // 2
    return np.rot90(pixels[top : top + height, left : left + width], turns)


def make_server(classifier: Classifier, port: int) -> ThreadingHTTPServer:
    """A server on this machine; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 60  # seconds without a byte

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            if not 0 < size <= LARGEST:
                self.answer(413 if size else 400, {"error": f"send a video of at most {LARGEST >> 20} MiB"})
                return
            try:
                self.answer(200, {"predictions": classifier(self.rfile.read(size))})
            except (av.FFmpegError, IndexError) as error:  # no video, no frame, no stream of pictures
                self.answer(400, {"error": str(error)})

        def answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    if sys.argv[1] == "export":
        export(sys.argv[2], sys.argv[3])
        return
    server = make_server(Classifier(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 8000)
    print(f"http://127.0.0.1:{server.server_port}/")
    server.serve_forever()


if __name__ == "__main__":
    main()
