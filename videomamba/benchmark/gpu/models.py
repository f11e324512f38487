"""Times of whole blocks and models beside others', and of predicting videos.

``ms`` are those of a call, with what the host takes to launch; ``device ms`` of a CUDA graph of the same work.
"""

import importlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.benchmark.gpu.clock import on_device
from videomamba.benchmark.gpu.plan import Plan, fits, sizes
from videomamba.benchmark.gpu.record import Record
from videomamba.benchmark.timing import interleaved

_CLASSES = 400


def blocks(record: Record, device: torch.device, plan: Plan) -> None:
    """A block of the paper's small model: forward, and forward with every gradient."""
    from videomamba.nn.block import Block
    from videomamba.nn.mixer import SpatioTemporalSSM

    dim = plan.widths[1]
    block = Block(dim, SpatioTemporalSSM(dim, state_dim=plan.states)).to(device)
    parameters = [*block.parameters()]
    for batch, length, dtype in sizes(plan):
        if record.late:
            record.line("out of time: larger ones were not timed")
            return
        cell = {"B": batch, "L": length, "dtype": str(dtype).removeprefix("torch.")}
        if not fits(device, batch * length * dim * 4 * 60):
            record.line(f"{cell}: does not fit in memory")
            continue
        tokens = torch.randn(batch, length, dim, device=device, requires_grad=True)

        def forward(tokens: Tensor = tokens, dtype: torch.dtype = dtype) -> Tensor:
            with _cast(device, dtype):
                out: Tensor = block(tokens)
            return out

        def training(tokens: Tensor = tokens, forward: Callable[[], Tensor] = forward) -> object:
            return torch.autograd.grad(forward().square().mean(), [tokens, *parameters])

        runs = {"forward ms": _quiet(forward), "gradient ms": training}
        _times(record, device, plan, cell, runs, {f"device {name}": run for name, run in runs.items()})


def models(record: Record, device: torch.device, plan: Plan) -> None:
    """Whole models: a forward pass, and a training step; random weights and clips."""
    makers = {name: maker for name in plan.models if (maker := _maker(name, record))}
    for frames, size in plan.clips:
        for dtype in (torch.bfloat16, torch.float32):
            if record.late:
                record.line(f"out of time: {frames} x {size} and larger were not timed")
                return
            video = torch.randn(plan.batch, 3, frames, size, size, device=device)
            labels = torch.randint(_CLASSES, (plan.batch,), device=device)
            for training in (False, True):
                runs, work = {}, {}
                for name, maker in makers.items():
                    model = maker(frames, size).to(device).train(training)
                    runs[f"{name} ms"], work[f"{name} device ms"] = _step(
                        model, video, labels, dtype, training=training
                    )
                cell = {"clip": f"{plan.batch} x {frames} x {size}", "dtype": str(dtype).removeprefix("torch.")}
                cell["pass"] = "training" if training else "forward"
                _times(record, device, plan, cell, runs, work)


def predict(record: Record, device: torch.device, plan: Plan) -> None:
    """Clips per second of ``videomamba.predict``, and of the model alone."""
    try:
        import videomamba
        from videomamba.data.synthetic import SyntheticMotions, write_synthetic
    except ImportError as error:
        record.line(f"not run: {error}")
        return
    model = videomamba.create_model("videomamba_tiny" if plan.small else "videomamba_small", num_classes=8).eval()
    with tempfile.TemporaryDirectory() as folder:
        data = SyntheticMotions(train_per_class=1, test_per_class=max(1, plan.videos // 8))
        write_synthetic(Path(folder) / "data", data)
        paths = sorted((Path(folder) / "data" / "test").rglob("*.mp4"))[: plan.videos]
        rates = []
        for _ in range(2):  # the first one compiles
            began = time.perf_counter()
            results = list(videomamba.predict(model, paths, device=str(device)))
            rates.append(len(results) / (time.perf_counter() - began))
        video = videomamba.load_clip(paths[0], model.preprocessing).video
        clip = torch.stack([video] * plan.batch).to(device)
    model.to(device)
    alone = _quiet(lambda: model(clip))
    seconds = interleaved([alone], device, seconds=plan.seconds)[0]
    record.row(videos=len(paths), predict_clips_per_second=rates[-1], model_clips_per_second=plan.batch / seconds)


def _maker(name: str, record: Record) -> Callable[[int, int], nn.Module] | None:
    """Makes a model for a clip; None, and a line, where it cannot be made."""
    try:
        if name != "videomae_s":
            models = importlib.import_module("videomamba.models")
            return lambda frames, size: _made(models, name, frames, size)
        importlib.import_module("transformers")
        peers = importlib.import_module("benchmarks.models.peers")
    except ImportError as error:
        record.line(f"{name} is not timed: {error}")
        return None
    return lambda frames, size: peers.make_model(name, frames, size)


def _made(models: Any, name: str, frames: int, size: int) -> nn.Module:
    model: nn.Module = models.create_model(name, num_frames=frames, img_size=size, num_classes=_CLASSES)
    return model


def _step(
    model: nn.Module, video: Tensor, labels: Tensor, dtype: torch.dtype, *, training: bool
) -> tuple[Callable[[], object], Callable[[], object]]:
    """A forward pass twice; or a training step, and the gradient alone, which a CUDA graph can take."""

    def forward() -> Tensor:
        with _cast(video.device, dtype):
            logits: Tensor = model(video)
        return logits

    if not training:
        return _quiet(forward), _quiet(forward)
    parameters = [*model.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-5, fused=video.device.type == "cuda")

    def gradient() -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(F.cross_entropy(forward().float(), labels), parameters, allow_unused=True)

    def step() -> None:
        for parameter, grad in zip(parameters, gradient(), strict=True):
            parameter.grad = grad
        optimizer.step()

    return step, gradient


def _cast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Without a cache of cast weights, which a CUDA graph cannot take."""
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16, cache_enabled=False)


def _quiet(run: Callable[[], object]) -> Callable[[], object]:
    def quiet() -> None:
        with torch.inference_mode():
            run()

    return quiet


def _times(
    record: Record, device: torch.device, plan: Plan, cell: dict[str, Any], runs: dict[str, Callable[[], object]],
    work: dict[str, Callable[[], object]],
) -> None:  # fmt: skip
    """A row of milliseconds of calls, and of their work on the device; or a line on what did not fit."""
    try:
        called = interleaved([*runs.values()], device, seconds=plan.seconds)
        taken: dict[str, float | None] = dict(zip(runs, called, strict=True))
        for name, run in work.items():
            taken[name] = _on_device(record, device, plan, name, run)
    except torch.OutOfMemoryError:
        record.line(f"{cell}: out of memory")
        torch.cuda.empty_cache()
        return
    record.row(**cell, **{name: None if seconds is None else 1e3 * seconds for name, seconds in taken.items()})


def _on_device(record: Record, device: torch.device, plan: Plan, name: str, run: Callable[[], object]) -> float | None:
    """None, and a line, where a model does what a CUDA graph cannot take."""
    try:
        return on_device([run], device, seconds=plan.seconds)[0]
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        record.line(f"{name}: no CUDA graph of it: {str(error).splitlines()[0]}")
        return None
