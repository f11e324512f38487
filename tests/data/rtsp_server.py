"""An RTSP server of one transport stream on 127.0.0.1, over TCP, as ``server.py`` is of HTTP.

As much of RFC 2326 and of RTP (payload type 33) as a player asks for. SECONDS is how long one playing takes, below 0
again and again.
"""

import contextlib
import socketserver
import struct
import sys
import time
from pathlib import Path

PART = 188 * 7  # bytes of a transport stream in a packet
SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=film\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track0\r\n"


class Handler(socketserver.StreamRequestHandler):
    data: bytes
    seconds: float

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while request := self._request():
                method, headers = request
                answer = [f"CSeq: {headers.get('cseq', '0')}"]
                body = ""
                if method == "OPTIONS":
                    answer.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
                elif method == "DESCRIBE":
                    body = SDP
                    answer += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
                elif method == "SETUP":
                    answer += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
                self.wfile.write("\r\n".join(["RTSP/1.0 200 OK", *answer, "", body]).encode())
                if method == "PLAY":
                    self._play()
                    return

    def _request(self) -> tuple[str, dict[str, str]] | None:
        first = self.rfile.readline().decode()
        headers = {}
        while (line := self.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return (first.split()[0], headers) if first.strip() else None

    def _play(self) -> None:
        parts = [self.data[i : i + PART] for i in range(0, len(self.data), PART)]
        began, number = time.monotonic(), 0
        for played in range(1 if self.seconds >= 0 else 10**6):
            for i, part in enumerate(parts):
                passed = abs(self.seconds) * (played + i / len(parts))
                time.sleep(max(0.0, began + passed - time.monotonic()))
                head = struct.pack(">BBHII", 0x80, 33, number % 65536, int(90_000 * passed) % 2**32, 1)
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(head) + len(part)) + head + part)
                number += 1


if __name__ == "__main__":
    Handler.data, Handler.seconds = Path(sys.argv[2]).read_bytes(), float(sys.argv[4])
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
