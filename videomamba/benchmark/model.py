"""This package's models: a forward pass and a training step, beside their floors; what is compared takes turns."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.benchmark.floor import Floor, floor_of, has_floor
from videomamba.benchmark.timing import bytes_per_second, interleaved
from videomamba.models import VideoMambaConfig, create_model, list_models, model_config
from videomamba.models.config import VideoSwinConfig

CLASSES = 400
Pass = Literal["forward", "training"]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Row:
    """One model at one input.

    Attributes:
        model: its name.
        frames, size: of a clip; height and width are the same.
        what: ``forward`` (inference) or ``training`` (forward, backward, AdamW's step).
        precision: ``fp32``, or ``bf16`` under autocast.
        batch: clips.
        milliseconds: median of a pass over the batch.
        clips_per_second: clips over that median.
        floor: milliseconds of the parts below together; these four and ``times_floor`` are NaN where it is not known
            (other models, a GPU, a CPU without the compiled kernels).
        times_floor: milliseconds over floor.
        products: milliseconds of the matrix products alone.
        scan: milliseconds of the scan's arithmetic alone.
        convolution: milliseconds of moving the convolution's bytes once.
        optimizer: milliseconds of moving AdamW's bytes once; 0 for a forward pass.
    """

    model: str
    frames: int
    size: int
    what: Pass
    precision: Precision
    batch: int
    milliseconds: float
    clips_per_second: float
    floor: float = math.nan
    times_floor: float = math.nan
    products: float = math.nan
    scan: float = math.nan
    convolution: float = math.nan
    optimizer: float = math.nan


def timed_models() -> tuple[str, ...]:
    """Names of the models that take a clip to logits."""
    return tuple(name for name in list_models() if type(model_config(name)) in (VideoMambaConfig, VideoSwinConfig))


def measure(
    models: Sequence[str],
    device: torch.device,
    *,
    frames: Sequence[int],
    sizes: Sequence[int],
    passes: Sequence[Pass],
    precisions: Sequence[Precision],
    batches: Sequence[int],
    seconds: float,
) -> Iterator[list[Row]]:
    """Rows of one input, pass and precision at a time; random weights, random clips.

    Args:
        models: names of :func:`timed_models`.
        device: that computes.
        frames, sizes, passes, precisions, batches: every combination is timed.
        seconds: rough time for all models of one combination.

    Raises:
        UserError: an input that a model cannot take.
    """
    bandwidth = bytes_per_second(device)
    for size, count, what, precision, batch in itertools.product(sizes, frames, passes, precisions, batches):
        video = torch.randn(batch, 3, count, size, size, device=device)
        labels = torch.randint(CLASSES, (batch,), device=device)
        runs, floors = [], {}
        for name in models:
            model = create_model(name, num_frames=count, img_size=size, num_classes=CLASSES).to(device)
            runs.append(PASSES[what](model, video, labels, precision))
            config = model.config
            if isinstance(config, VideoMambaConfig) and has_floor(config, device):
                floors[name] = floor_of(
                    config,
                    batch,
                    training=what == "training",
                    dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
                    parameters=sum(p.numel() for p in model.parameters()),
                )
        of_floors = [run for floor in floors.values() for run in (floor.products, floor.scan)]
        times = iter(interleaved([*runs, *of_floors], device, seconds=seconds))
        taken = [next(times) for _ in models]
        least = {name: _milliseconds(floor, next(times), next(times), bandwidth) for name, floor in floors.items()}
        yield [
            Row(name, count, size, what, precision, batch, 1e3 * time, batch / time, **_beside(time, least.get(name)))
            for name, time in zip(models, taken, strict=True)
        ]


def _milliseconds(floor: Floor, products: float, scan: float, bandwidth: float) -> dict[str, float]:
    return {name: 1e3 * part for name, part in floor.parts(products, scan, bandwidth).items()}


def _beside(seconds: float, parts: dict[str, float] | None) -> dict[str, float]:
    """A row's figures of the floor."""
    if parts is None:
        return {}
    floor = sum(parts.values())
    return {"floor": floor, "times_floor": 1e3 * seconds / floor, **parts}


def _forward(model: nn.Module, video: Tensor, labels: Tensor, precision: Precision = "fp32") -> Callable[[], None]:
    model.eval()

    def run() -> None:
        with torch.inference_mode(), _autocast(video, precision):
            model(video)

    return run


def _training(model: nn.Module, video: Tensor, labels: Tensor, precision: Precision = "fp32") -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-5, fused=True)

    def run() -> None:
        with _autocast(video, precision):
            loss = F.cross_entropy(model(video).float(), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return run


def _autocast(video: Tensor, precision: Precision) -> torch.autocast:
    return torch.autocast(video.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


PASSES: dict[Pass, Callable[..., Callable[[], None]]] = {"forward": _forward, "training": _training}
"""``(model, video, labels, precision)`` -> what runs such a pass; it puts the model in its mode."""
