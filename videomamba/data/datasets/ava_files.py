"""The files of AVA (arXiv 1705.08421): annotations and detections as csv, excluded timestamps, label maps."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from videomamba.data.datasets.ava_rows import BadRow, FrameKey
from videomamba.data.names import class_name, video_name
from videomamba.errors import UserError
from videomamba.files import read_csv_lines, read_text


@dataclass(frozen=True)
class BoxRow:
    """One row of a csv in AVA's format.

    Attributes:
        video: its id, the file's name without suffix; one that has a video's suffix loses it.
        timestamp: of the keyframe, a whole number.
        box: x1, y1, x2, y2 as fractions of the picture's width and height.
        action: id in the label map; None for a box without a label.
        score: last column: a detection's score, a ground-truth row's person id; 1 where there is none.
    """

    video: str
    timestamp: int
    box: tuple[float, float, float, float]
    action: int | None
    score: float

    @property
    def key(self) -> FrameKey:
        return self.video, self.timestamp


def read_label_map(path: str | Path) -> dict[int, str]:
    """Class names by id, in the file's order, of a protocol buffer in text form (``name`` and ``id`` or ``label_id``).

    Raises:
        UserError: not readable, no class in it, or an id below 1.
    """
    path = Path(path)
    names: dict[int, str] = {}
    for entry in _entries(path):
        name, number = entry.get("name"), entry.get("label_id", entry.get("id"))
        if name is None and number is None:
            continue
        if name is None or not name.startswith(('"', "'")) or number is None or not re.fullmatch(r"-?\d{1,9}", number):
            raise UserError(f"{path}: an entry has name {name} and id {number}; expected a quoted name and a number")
        if int(number) in names:
            raise UserError(f"{path}: id {int(number)} is there twice")
        names[int(number)] = class_name(_unescaped(name[1:-1]))
    if not names:
        raise UserError(f'{path} is no label map: expected entries such as item {{ name: "walk" id: 14 }}')
    if min(names) < 1:
        raise UserError(f"{path}: id {min(names)}; ids are at least 1")
    return names


_TOKEN = re.compile(r"""#[^\n]*|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{}:]|[^\s{}:"'#,;]+)|[\s,;]+|.""")


def _entries(path: Path) -> Iterator[dict[str, str]]:
    """Fields of each innermost pair of braces, values as they are written."""
    words = [match[1] for match in _TOKEN.finditer(read_text(path)) if match[1]]
    fields: dict[str, str] = {}
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word == "{":
            fields = {}
        elif word == "}":
            yield fields
            fields = {}
        elif word == ":" and after not in ("", "{", "}", ":"):
            fields[before] = after


def _unescaped(text: str) -> str:
    """A string of protocol buffers' text form without its escapes; octal and hexadecimal ones are bytes of UTF-8."""

    def byte(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "01234567":
            return chr(int(code, 8) & 255)
        if code[0] in "xX" and len(code) > 1:
            return chr(int(code[1:], 16))
        return {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)

    if "\\" not in text:
        return text
    as_bytes = text.encode().decode("latin-1")
    return re.sub(r"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|.)", byte, as_bytes).encode("latin-1").decode("utf-8", "replace")


def read_exclusions(path: str | Path | None) -> set[FrameKey]:
    """Keyframes that are left out: a csv of ``video,timestamp``; none without a file.

    Raises:
        UserError: not readable, or a line that is not such a pair.
    """
    if path is None:
        return set()
    excluded = set()
    for line, fields in read_csv_lines(Path(path), names=True):
        if len(fields) != 2:
            raise UserError(f"{path}:{line}: {len(fields)} columns; expected video,timestamp")
        try:
            excluded.add((video_name(fields[0]), whole_number(fields[1])))
        except ValueError as error:
            raise UserError(f"{path}:{line}: {error}") from error
    return excluded


def read_rows(path: str | Path, *, scores_last: bool = False) -> tuple[list[tuple[int, BoxRow]], list[BadRow]]:
    """All rows of a csv in AVA's format with their lines, and the rows that cannot be read.

    ``video,timestamp,x1,y1,x2,y2[,action[,score or person]]``; an empty action or -1 is a box without a label. With
    ``scores_last`` the last column is the score, also where it is the seventh.

    Raises:
        UserError: the file cannot be read.
    """
    rows, bad = [], []
    for line, fields in read_csv_lines(Path(path), names=True):
        try:
            if scores_last and len(fields) == 7:
                fields = [*fields[:6], "", fields[6]]
            rows.append((line, _row(fields)))
        except ValueError as error:
            bad.append(BadRow(Path(path), line, str(error)))
    return rows, bad


def read_scored_rows(path: str | Path) -> list[BoxRow]:
    """Rows of ground truth or detections to compute figures from; a bad row is refused, as it would falsify them.

    Raises:
        UserError: the file cannot be read, or a row that is none, or has no action.
    """
    rows, bad = read_rows(path)
    bad += [BadRow(Path(path), line, "no action") for line, row in rows if row.action is None]
    if bad:
        raise UserError(f"{path}: {len(bad)} of {len(rows) + len(bad)} rows cannot be read, the first {bad[0]}")
    return [row for _, row in rows]


def _row(fields: list[str]) -> BoxRow:
    if not 6 <= len(fields) <= 8:
        raise UserError(f"{len(fields)} columns; expected video,timestamp,x1,y1,x2,y2,action and a score or person")
    x1, y1, x2, y2 = (
        _number(f"{name} ", text) for name, text in zip(("x1", "y1", "x2", "y2"), fields[2:6], strict=True)
    )
    action = fields[6].strip() if len(fields) > 6 else ""
    return BoxRow(
        video_name(fields[0]),
        whole_number(fields[1]),
        (x1, y1, x2, y2),
        None if action in ("", "-1") else whole_number(action),
        _number("score ", fields[7]) if len(fields) == 8 and fields[7].strip() else 1.0,
    )


def whole_number(text: str) -> int:
    """The number that a text such as 902, 0902 or 902.0 stands for.

    Raises:
        UserError: it is none.
    """
    value = _number("", text)
    if value != int(value):
        raise UserError(f"{text!r:.80} is not a whole number")
    return int(value)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{name}{text!r:.80} is not a number") from None
    if not math.isfinite(value):
        raise UserError(f"{name}{text!r:.80} is not finite")
    return value
