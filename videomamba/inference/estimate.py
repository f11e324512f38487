"""How much memory and time a forward pass takes, before it is run."""

import dataclasses
import time
from dataclasses import dataclass

import torch

from videomamba.models.config import VideoMambaConfig
from videomamba.models.videomamba import VideoMamba
from videomamba.nn.position import LEARNED_KINDS

_FLOAT = 4  # bytes
_LIBRARIES = 20 * 2**20  # that a first pass on a CPU brings into memory: PyTorch's kernels, buffers of its products
_ENOUGH = 2048  # tokens: a longer pass takes as much longer as it has more tokens
_NOISE = 0.2  # of the time of a token: what two passes differ by beyond this, another program did
_PASSES, _LONGEST = 8, 1.5  # of each: at most so many, begun within so many seconds


@dataclass(frozen=True)
class Estimate:
    """Of one forward pass of one clip in float32, without gradients.

    Attributes:
        frames, height, width: of the clip.
        tokens: the class token included.
        weights_bytes: of the parameters, the positions of such a clip included.
        input_bytes: of the clip.
        activation_bytes: of the most intermediate tensors that exist at a time, see :func:`activation_bytes`.
        library_bytes: that the first pass of a process adds, whatever the clip.
        peak_bytes: the sum of these four: what a process needs beside PyTorch itself.
        seconds: of the pass, where nothing else slows it down.
        measured_tokens: length of the passes that ``seconds`` was worked out from, on this machine.
    """

    frames: int
    height: int
    width: int
    tokens: int
    weights_bytes: int
    input_bytes: int
    activation_bytes: int
    library_bytes: int
    peak_bytes: int
    seconds: float
    measured_tokens: tuple[int, ...]


def estimate(model: VideoMamba, frames: int, size: int | tuple[int, int], *, device: torch.device) -> Estimate:
    """The memory from the architecture, the time from passes of fewer frames on this machine.

    Args:
        model: any input size of its own; it is moved to the device and stays as it is otherwise.
        frames: of the clip.
        size: height and width in pixels.
        device: that would compute.

    Raises:
        UserError: the clip cannot be cut into tubelets.
    """
    height, width = (size, size) if isinstance(size, int) else size
    config = dataclasses.replace(model.config, num_frames=frames, img_size=(height, width))
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    if config.pos_embed in LEARNED_KINDS:  # one position for each token
        weights += (_tokens(config) - _tokens(model.config)) * config.embed_dim * _FLOAT
    clip = 3 * frames * height * width * _FLOAT
    activations = activation_bytes(config)
    libraries = _LIBRARIES if device.type == "cpu" else 0
    seconds, measured = _seconds(model, config, device)
    return Estimate(
        frames,
        height,
        width,
        tokens=_tokens(config),
        weights_bytes=weights,
        input_bytes=clip,
        activation_bytes=activations,
        library_bytes=libraries,
        peak_bytes=weights + clip + activations + libraries,
        seconds=seconds,
        measured_tokens=measured,
    )


def activation_bytes(config: VideoMambaConfig) -> int:
    """Of the most tensors that exist at a time for one clip in float32: in a block, or where the clip is cut.

    In a block, after its output projection: the residual stream, its norm and the block's result (d each); x and z (D
    each); for both directions u and its step sizes (D each), and the projection that B and C are parts of; and the
    scan's result (D). Where the clip is cut, PyTorch's convolution makes a copy of it.
    """
    dim, inner = config.embed_dim, config.expand * config.embed_dim
    projection = -(-dim // 16) + 2 * config.d_state
    per_token = 3 * dim + 2 * inner + 2 * (2 * inner + projection) + inner
    height, width = config.height_width
    return _FLOAT * max(_tokens(config) * per_token, 3 * config.num_frames * height * width)


def _tokens(config: VideoMambaConfig) -> int:
    t, h, w = config.grid
    return t * h * w + 1


@torch.inference_mode()
def _seconds(model: VideoMamba, config: VideoMambaConfig, device: torch.device) -> tuple[float, tuple[int, ...]]:
    """A line through the times of two shorter clips, at the clip's length; the time itself where it is short."""
    model.to(device).eval()
    tubelet = config.tubelet_size
    per_step = config.grid[1] * config.grid[2]
    most = min(config.num_frames // tubelet, max(2, -(-_ENOUGH // per_step)))
    steps = (most,) if most == config.num_frames // tubelet else (-(-most // 2), most)
    points = []
    for step in steps:
        clip = torch.zeros(1, 3, step * tubelet, *config.height_width, device=device)
        points.append((step * per_step + 1, _fastest(model, clip)))
    measured = tuple(tokens for tokens, _ in points)
    if len(points) == 1:
        return points[0][1], measured
    (few, short), (many, long) = points
    mean, slope = long / many, (long - short) / (many - few)
    per_token = min(max(slope, (1 - _NOISE) * mean), (1 + _NOISE) * mean)
    return long + per_token * (_tokens(config) - many), measured


def _fastest(model: VideoMamba, clip: torch.Tensor) -> float:
    """Seconds of the fastest pass: what else a machine does makes passes longer, never shorter."""
    times: list[float] = []
    model.feature_map(clip.clone())  # warms up; a block as large that is free again keeps later ones from the system
    while not times or (len(times) < _PASSES and sum(times) < _LONGEST):
        began = time.perf_counter()
        model.feature_map(clip)
        if clip.device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return min(times)
