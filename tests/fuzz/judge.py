"""What became of a damaged file: read in this process and judged by outcome."""

import resource
import sys
import traceback
import warnings
from pathlib import Path

import av.logging

from videomamba.data import VideoError, VideoReader
from videomamba.data.check import check_video

ALLOWED = ("right", "note", "refused")
MOST_FRAMES = 2000  # read of one file


def judge(path: Path) -> tuple[str, str]:
    """``right`` (read without a word), ``note`` (with one), ``refused`` (VideoError of one line), else ``BUG``; and
    what was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            with VideoReader(path) as reader:
                problem = _nonsense(reader)
                clip = reader.read(list(range(min(reader.num_frames, MOST_FRAMES))), short_side=64)
                reader.read([reader.num_frames - 1, 0], short_side=64)
                if not (clip.timestamps.diff() >= 0).all():
                    problem = problem or f"frames go back: {clip.indices.tolist()}"
        except VideoError as error:
            outcome = ("refused", str(error)) if _is_plain(str(error), path) else ("BUG", f"unclear: {error!r}")
        except BaseException:
            return "BUG", traceback.format_exc(limit=-4)
        else:
            outcome = ("BUG", problem) if problem else ("note", str(said[0].message)) if said else ("right", "")
        try:
            finding = check_video(path, frames=1)
        except BaseException:
            return "BUG", "check: " + traceback.format_exc(limit=-4)
    if outcome[0] == "refused" and finding is None:
        return "BUG", f"check finds nothing; the reader: {outcome[1]}"
    return outcome


def _nonsense(reader: VideoReader) -> str:
    times = reader.times
    if not 1e-3 <= reader.fps <= 1e3 or not 0 < times.duration < 1e9:
        return f"{reader.fps} frames a second, {times.duration} s"
    if reader.num_frames != len(times) or times.index(times[reader.num_frames - 1]) < reader.num_frames - 1 - 1:
        return f"{reader.num_frames} frames, {len(times)} times"
    return ""


def _is_plain(text: str, path: Path) -> bool:
    return str(path) in text and "\n" not in text and ".cpp" not in text and len(text) < 400


def main() -> None:
    """Judges the files named on standard input, one a line, and prints ``outcome TAB megabytes TAB text`` for each."""
    av.logging.set_level(av.logging.PANIC)
    for line in sys.stdin:
        outcome, text = judge(Path(line.rstrip("\n")))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(outcome, peak, text.replace("\n", " | "), sep="\t", flush=True)


if __name__ == "__main__":
    main()
