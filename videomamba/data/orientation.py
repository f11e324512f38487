"""Whether an H.264 or HEVC stream says itself how its picture is to be turned, apart from its container."""

from collections.abc import Iterator

_DISPLAY_ORIENTATION = 47  # of the messages (SEI) of H.264 and HEVC
_START = b"\0\0\1"


def turns_in_stream(packet: bytes, codec: str, extradata: bytes | None) -> bool:
    """Whether a packet carries a display orientation.

    Args:
        packet: of a key frame.
        codec: as FFmpeg names it; others than h264 and hevc carry none.
        extradata: of the stream.
    """
    if codec not in ("h264", "hevc"):
        return False
    head = 1 if codec == "h264" else 2
    for unit in _units(packet, codec, extradata or b""):
        kind = unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63
        if kind == (6 if codec == "h264" else 39):
            if _DISPLAY_ORIENTATION in _messages(unit[head:].replace(b"\0\0\3", b"\0\0")):
                return True
        elif kind <= (5 if codec == "h264" else 31):  # a picture: what describes it came before
            return False
    return False


def _units(packet: bytes, codec: str, extradata: bytes) -> Iterator[bytes]:
    """The units of a packet, behind their lengths (mp4, mkv) or behind start codes (ts)."""
    place = 4 if codec == "h264" else 21  # in a box that begins with 1: bytes of a length, less one
    if extradata[:1] == b"\1" and len(extradata) > place:
        size, at = (extradata[place] & 3) + 1, 0
        while at + size < len(packet):
            length = int.from_bytes(packet[at : at + size], "big")
            if length:
                yield packet[at + size : at + size + length]
            at += size + length
    else:
        yield from (unit for unit in packet.split(_START)[1:] if unit)


def _messages(data: bytes) -> Iterator[int]:
    """The kinds of the messages of a unit."""
    at = 0
    while at + 2 < len(data):
        numbers = []
        for _ in range(2):  # a kind and a length, each as bytes of 255 and a last one
            number = 0
            while at < len(data) and data[at] == 255:
                number, at = number + 255, at + 1
            if at == len(data):
                return
            numbers.append(number + data[at])
            at += 1
        yield numbers[0]
        at += numbers[1]
