"""A VideoMamba's operations beside those of the attention models, over frames and sizes."""

import dataclasses
from collections.abc import Callable, Sequence

from videomamba.benchmark.operations import Part, totals, videomamba_operations
from videomamba.benchmark.peer_operations import PEERS
from videomamba.errors import UserError
from videomamba.models import VideoMambaConfig, list_models, model_config


@dataclasses.dataclass(frozen=True)
class Row:
    """One model at one input.

    Attributes:
        model: its name.
        frames, size: of the clip; height and width are the same.
        tokens: 2 x 16 x 16 pieces of the clip, whatever the model cuts it into.
        parameters, paper, multiply_adds, functions: see :class:`videomamba.benchmark.operations.Totals`.
    """

    model: str
    frames: int
    size: int
    tokens: int
    parameters: int
    paper: int
    multiply_adds: int
    functions: int


def video_tokens(frames: int, size: int) -> int:
    """2 x 16 x 16 pieces of a clip."""
    return frames // 2 * (size // 16) ** 2


def counts_of(model: str) -> Callable[[int, int], list[Part]]:
    """The parts of a model by name, as a function of frames and size.

    Raises:
        UserError: a name that nobody counted.
    """
    if model in PEERS:
        return PEERS[model]
    if model not in list_models("videomamba_*"):
        raise UserError(f"unknown model {model!r}; choose one of {', '.join((*list_models('videomamba_*'), *PEERS))}")

    def ours(frames: int, size: int) -> list[Part]:
        config = model_config(model, num_frames=frames, img_size=size)
        assert isinstance(config, VideoMambaConfig)
        return videomamba_operations(config)

    return ours


def compare(models: Sequence[str], frames: Sequence[int], sizes: Sequence[int]) -> list[Row]:
    """Every model at every input.

    Raises:
        UserError: an unknown model, or an input that a model cannot take.
    """
    check_inputs(frames, sizes)
    rows = []
    for size in sizes:
        for count in frames:
            for name in models:
                sums = totals(counts_of(name)(count, size))
                rows.append(
                    Row(
                        name,
                        count,
                        size,
                        video_tokens(count, size),
                        sums.parameters,
                        sums.paper,
                        sums.multiply_adds,
                        sums.functions,
                    )
                )
    return rows


def check_inputs(frames: Sequence[int], sizes: Sequence[int]) -> None:
    """
    Raises:
        UserError: frames or sizes that not every model can take.
    """
    for name, values, unit in (("frames", frames, 2), ("sizes", sizes, 16)):
        if not values or any(value < unit or value % unit for value in values):
            given = " ".join(map(str, values)) or "(none)"
            raise UserError(f"--{name} {given}: give at least one number, each a multiple of {unit}")
