"""Thousands of damaged videos: ``python -m tests.fuzz.campaign --count 5000 --seed 0`` (``make fuzz``).

Files are judged in a process of its own, which is ended when one takes too long and begun anew when one crashes it.
"""

import argparse
import collections
import contextlib
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.judge import ALLOWED
from tests.fuzz.videos import mutated, write_sources

SECONDS, MEGABYTES = 60, 2048  # that one file may take


class Judge:
    """The process that reads damaged files."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.judge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.is_warm = False

    def ask(self, path: Path) -> tuple[str, str]:
        """Outcome and words; ``CRASH``, ``HANG`` or ``MEMORY`` where the process had to end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{path}\n")
            self.process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            answered = selector.select(SECONDS if self.is_warm else 10 * SECONDS)  # PyTorch is imported first
        self.is_warm = True
        line = self.process.stdout.readline() if answered else None
        if line is None:
            return self._over("HANG", f"more than {SECONDS} s")
        if not line:
            return self._over("CRASH", f"exit status {self.process.wait()}")
        outcome, peak, text = line.rstrip("\n").split("\t", 2)
        return self._over("MEMORY", f"{peak} MB") if int(peak) > MEGABYTES else (outcome, text)

    def _over(self, outcome: str, text: str) -> tuple[str, str]:
        self.close()
        self.__init__()  # type: ignore[misc]
        return outcome, text

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def run(count: int, seed: int, keep: Path | None = None) -> tuple[collections.Counter[tuple[str, str]], list[str]]:
    """Counts of (container, outcome), and a line for every file that is outside the allowed outcomes."""
    table: collections.Counter[tuple[str, str]] = collections.Counter()
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_sources(folder / "sources")
        sources = [path.read_bytes() for path in paths]
        judge = Judge()
        for number in range(count):
            source, how, data = mutated(sources, seed, number)
            path = folder / f"{number}{paths[source].suffix}"
            path.write_bytes(data)
            outcome, text = judge.ask(path)
            table[paths[source].suffix, outcome] += 1
            if outcome not in ALLOWED:
                bad.append(f"{number} {paths[source].name} {how}: {outcome} {text}")
                print(bad[-1], flush=True)
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{seed}_{number}{path.suffix}").write_bytes(data)
            path.unlink()
        judge.close()
    return table, bad


def as_text(table: collections.Counter[tuple[str, str]]) -> str:
    """One row for each container, in Markdown."""
    outcomes = [*ALLOWED, *sorted({outcome for _, outcome in table} - {*ALLOWED})]
    lines = [f"| container | {' | '.join(outcomes)} |", "|---" * (1 + len(outcomes)) + "|"]
    for suffix in [*sorted({suffix for suffix, _ in table}), "all"]:
        counts = [
            sum(n for (s, o), n in table.items() if o == outcome and suffix in (s, "all")) for outcome in outcomes
        ]
        lines.append(f"| {suffix.lstrip('.')} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that are outside the allowed outcomes")
    options = parser.parse_args()
    began = time.monotonic()
    table, bad = run(options.count, options.seed, options.keep)
    print(as_text(table))
    print(f"{options.count} files, seed {options.seed}, {time.monotonic() - began:.0f} s, {len(bad)} not allowed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
