"""One model at one input, in a process of its own: its memory and its failures stay with it.

Started by :mod:`benchmarks.models.speed`; reads one command per line on standard input and answers each with one line
of JSON: ``batch N`` makes the input, ``turn S`` runs one pass untimed and then at least one timed, for about S seconds.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.models.peers import make_model
from videomamba.benchmark.model import CLASSES

_MIB = 2**20


class Subject:
    """A model that is run.

    Args:
        cell: ``model``, ``frames``, ``size``, ``what`` (forward or training), ``precision`` (fp32 or bf16), ``device``,
            ``memory`` in bytes (a limit on a CPU, or None).
    """

    def __init__(self, cell: dict[str, Any]) -> None:
        self.cell = cell
        self.device = torch.device(cell["device"])
        torch.ones(64, 64, device=self.device) @ torch.ones(64, 64, device=self.device)  # the libraries' own memory
        self.before = _resident_peak(reset=True)
        _limit_memory(cell["memory"])
        torch.manual_seed(0)
        self.model = make_model(cell["model"], cell["frames"], cell["size"]).to(self.device)
        self.training = cell["what"] == "training"
        self.model.train(self.training)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-5, fused=True) if self.training else None
        self.video = torch.empty(0)

    def batch(self, count: int) -> dict[str, Any]:
        """An input of so many clips."""
        shape = (count, 3, self.cell["frames"], self.cell["size"], self.cell["size"])
        self.video = torch.empty(0)
        self.video = torch.randn(shape, device=self.device)
        self.labels = torch.randint(CLASSES, (count,), device=self.device)
        return {"batch": count}

    def turn(self, seconds: float) -> dict[str, Any]:
        """Seconds of each timed pass, and the highest memory so far in MiB, beyond PyTorch's own."""
        self.run()
        times: list[float] = []
        began = time.perf_counter()
        while not times or time.perf_counter() - began + times[-1] < seconds:
            self._wait()
            start = time.perf_counter()
            self.run()
            self._wait()
            times.append(time.perf_counter() - start)
        peak = self._peak()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()  # for the models that take turns with this one
        return {"seconds": times, "peak_mib": peak}

    def run(self) -> None:
        """One pass."""
        if self.training:
            self._train()
        else:
            self._forward()

    def _forward(self) -> None:
        with torch.inference_mode(), self._autocast():
            self.model(self.video)

    def _train(self) -> None:
        assert self.optimizer is not None
        with self._autocast():
            loss = F.cross_entropy(self.model(self.video).float(), self.labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.cell["precision"] == "bf16")

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def _peak(self) -> float | None:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated() / _MIB
        after = _resident_peak()
        return None if after is None or self.before is None or self.device.type != "cpu" else after - self.before


def _resident_peak(*, reset: bool = False) -> float | None:
    """The highest resident memory of this process in MiB; if the system reports it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    if reset:
        Path("/proc/self/clear_refs").write_text("5")  # the highest starts from now
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _limit_memory(most: int | None) -> None:
    """Makes this process, rather than another one, fail when memory runs out."""
    if sys.platform != "linux":
        return
    import resource

    Path("/proc/self/oom_score_adj").write_text("1000")
    if most is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def main() -> None:
    """Answers until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not an answer

    def answer(**facts: object) -> None:
        answers.write(json.dumps(facts) + "\n")

    try:
        subject = Subject(json.loads(sys.argv[1]))
        answer(
            ready=True,
            parameters=sum(p.numel() for p in subject.model.parameters() if p.requires_grad),
            attention=getattr(subject.model, "attention", ""),
        )
        for line in sys.stdin:
            command, value = line.split()
            answer(**(subject.batch(int(value)) if command == "batch" else subject.turn(float(value))))
    except Exception as error:
        reason = "out of memory" if _is_out_of_memory(error) else f"failed: {str(error).strip().splitlines()[0]}"
        answer(error=reason)


if __name__ == "__main__":
    main()
