"""How step sizes differ inside and outside a region, over many clips."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.data import load_clip
from videomamba.data.model_clip import ModelClip
from videomamba.errors import UserError
from videomamba.inference.regions import Region
from videomamba.models import VideoMamba

_LEAST = 0.005  # share of the tokens that must be inside, and outside


@dataclass(frozen=True)
class LayerContrast:
    """Steps inside over steps outside, of one layer and direction, over the clips.

    A ratio is that of geometric means over tokens, and the geometric mean over clips.

    Attributes:
        layer: from 0.
        direction: ``forward``, ``backward`` or ``both`` (the mean step of the two).
        ratio: above 1, steps are larger inside.
        low, high: the ratio's 95 % interval over clips (Student's t of its logarithm); NaN of one clip.
        share: of the clips whose ratio is above 1.
        placed: the ratio after each token's step was divided by the mean of the other clips at its place: without what
            a layer does at that place whatever it sees. NaN of one clip.
        placed_low, placed_high: its interval.
    """

    layer: int
    direction: str
    ratio: float
    low: float
    high: float
    share: float
    placed: float
    placed_low: float
    placed_high: float


@dataclass(frozen=True, eq=False)
class StepContrast:
    """What came out.

    Attributes:
        layers: one for each layer and direction.
        clips: how many were compared.
        without: videos that are left out: their region is empty or all there is.
        inside: mean share of the pixels that are inside.
        shown: the first clip that was compared, and its region (T, H, W).
    """

    layers: tuple[LayerContrast, ...]
    clips: int
    without: tuple[Path, ...]
    inside: float
    shown: tuple[ModelClip, Tensor]


@torch.inference_mode()
def contrast_steps(
    model: VideoMamba,
    videos: Iterable[Path],
    region: Region,
    *,
    device: torch.device,
    progress: Callable[[], object] = lambda: None,
) -> StepContrast:
    """Steps inside against outside on each video's central clip.

    A token counts as inside by the share of its pixels, over its frames, that is. Steps are compared as logarithms, so
    that no clip or token with large steps decides.

    Args:
        model: any VideoMamba.
        videos: files.
        region: see :func:`videomamba.inference.regions.make_region`.
        device: where to compute.
        progress: called after each video.

    Raises:
        VideoError: a file cannot be read.
        UserError: a region that cannot be had, or none in any clip.
    """
    model.to(device).eval()
    found, weights, inside, without = [], [], [], []
    total: Tensor = torch.zeros(())
    shown: tuple[ModelClip, Tensor] | None = None
    for video in videos:
        clip = load_clip(video, model.preprocessing)
        where = region(video, clip)
        weight = token_weights(where, model.config.grid)
        if weight is None:
            without.append(video)
        else:
            steps = with_both(model.delta_maps(clip.video[None].to(device))[0]).cpu().double().log()
            found.append((steps * weight).sum((-3, -2, -1)))
            weights.append(weight)
            inside.append(where.mean().item())
            total = total + steps
            shown = shown or (clip, where)
        progress()
    if shown is None:
        raise UserError(f"in none of {len(without)} clips is a part inside and a part outside of the region")
    own, places = torch.stack(found), torch.stack(weights)
    at_place = torch.stack([(total / len(own) * weight).sum((-3, -2, -1)) for weight in places])
    others = len(own) / (len(own) - 1) if len(own) > 1 else math.nan  # from the mean of all to that of the others
    layers = _summary(own, (own - at_place) * others)
    return StepContrast(tuple(layers), len(own), tuple(without), sum(inside) / len(inside), shown)


def with_both(maps: Tensor) -> Tensor:
    """(depth, 2, t, h, w) -> (depth, 3, t, h, w): the third is the mean of both directions."""
    return torch.cat([maps, maps.mean(1, keepdim=True)], 1)


def token_weights(region: Tensor, grid: tuple[int, int, int]) -> Tensor | None:
    """(T, H, W) -> (t, h, w) float64: weights whose sum over values is the mean inside less the mean outside.

    None where less than a two-hundredth of the tokens are inside, or outside.
    """
    share = F.adaptive_avg_pool3d(region[None, None].double(), grid)[0, 0]
    if not _LEAST <= share.mean().item() <= 1 - _LEAST:
        return None
    return share / share.sum() - (1 - share) / (1 - share).sum()


def _summary(own: Tensor, placed: Tensor) -> list[LayerContrast]:
    """Rows from logarithms (clips, depth, 3)."""
    rows = []
    for layer in range(own.shape[1]):
        for at, direction in enumerate(("forward", "backward", "both")):
            values = own[:, layer, at]
            share = (values > 0).double().mean().item()
            rows.append(LayerContrast(layer, direction, *_interval(values), share, *_interval(placed[:, layer, at])))
    return rows


def t_quantile(freedom: int) -> float:
    """The value that Student's t exceeds in 2.5 of 100 cases, to 0.2 % of it.

    Source: for one and two degrees of freedom the distribution's inverse in closed form, above the expansion in powers
    of 1 / freedom around the normal distribution's value (Abramowitz and Stegun, 26.7.5).

    Args:
        freedom: degrees of it, at least 1.

    Example:
        >>> [round(t_quantile(freedom), 2) for freedom in (1, 2, 9, 278)]
        [12.71, 4.3, 2.26, 1.97]
    """
    if freedom == 1:
        return math.tan(0.475 * math.pi)
    if freedom == 2:
        return 0.95 / math.sqrt(2 * 0.975 * 0.025)
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def _interval(logarithms: Tensor) -> tuple[float, float, float]:
    """Geometric mean and its 95 % interval."""
    mean, n = logarithms.mean().item(), len(logarithms)
    half = t_quantile(n - 1) * logarithms.std().item() / math.sqrt(n) if n > 1 else math.nan
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)
