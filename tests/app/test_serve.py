"""What the server gives to whom."""

import json
import secrets
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.app.browsing import opened


def status(url, data=None, headers=None):
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def upload(server, data):
    boundary = b"----x"
    head = b'Content-Disposition: form-data; name="files"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
    body = b"--" + boundary + b"\r\n" + head + data + b"\r\n--" + boundary + b"--\r\n"
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
    return status(f"{server.address}gradio_api/upload", body, headers)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "{here}/README.md",
        "{uploads}/../secret",
        "{runs}/right/last/model.safetensors",
        "/proc/self/environ",
    ],
)
def test_files_outside_are_refused(server, runs, path):
    """Neither files of the computer, nor of the project that the server runs in, nor of the runs."""
    here = Path(__file__).resolve().parents[2]
    secret = server.uploads.parent / "secret"
    secret.write_text("secret")
    path = path.format(here=here, uploads=server.uploads, runs=runs)
    try:
        assert status(f"{server.address}gradio_api/file={path}")[0] in (403, 404)
    finally:
        secret.unlink()


def recognised(server, path):
    """The server's last word on the request that a browser sends when a video was dropped, for a file of the server."""
    config = json.loads(status(f"{server.address}config")[1])
    video = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "video")
    event = next(d for d in config["dependencies"] if d["inputs"][2:3] == [video] and len(d["inputs"]) == 4)
    given = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    data = [None, None, given, [next(iter(server.setup.models))]]  # first of which clearing it is: of none
    session = secrets.token_hex(8)
    body = json.dumps({"data": data, "fn_index": event["id"], "session_hash": session}).encode()
    code, _ = status(f"{server.address}gradio_api/queue/join", body, {"Content-Type": "application/json"})
    assert code == 200
    with urllib.request.urlopen(f"{server.address}gradio_api/queue/data?session_hash={session}", timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data: ") and (said := json.loads(line[6:]))["msg"] == "process_completed":
                return said
    return None


def test_only_uploads_are_taken(server, films):
    """A path of the server's in place of that of an upload is refused."""
    code, answer = upload(server, (films / "red.mp4").read_bytes())
    assert code == 200
    assert recognised(server, json.loads(answer)[0])["success"]
    assert not recognised(server, films / "red.mp4")["success"]


def test_uploads_are_limited_in_size(server):
    assert upload(server, b"x" * 1_000_000)[0] == 200
    assert upload(server, b"x" * 3_000_000)[0] == 413


def test_it_listens_on_this_computer_alone(server):
    assert server.address.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1400, True)])
def test_nothing_is_wider_than_the_window(server, browser, width, dark):
    with opened(browser, server, width=width, dark=dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.body.classList.contains('dark')") == dark
