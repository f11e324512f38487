"""Operations of the attention models that VideoMamba is compared with, from their definitions.

Of attention: the four projections, the scores and the weighted sum (two products of length x length x width a
sequence), and as many exponentials as there are scores. Widths, depths and heads are those published.
"""

import math
from collections.abc import Sequence

from videomamba.benchmark.operations import Part, linear, total

CLASSES = 400
BASE, SMALL = (768, 12), (384, 6)  # width and heads of ViT-B and ViT-S


def videomae_s(frames: int, size: int) -> list[Part]:
    """VideoMAE-S (arXiv 2203.12602): joint space-time attention over 2 x 16 x 16 tubelets, no class token."""
    (dim, heads), tokens = SMALL, frames // 2 * (size // 16) ** 2
    return [
        linear("patch embedding", tokens, 3 * 2 * 16 * 16, dim),
        *_encoder(12, tokens, 1, tokens, dim, heads, key_bias=False),
        Part("norms", 2 * dim),
        linear("head", 1, dim, CLASSES),
    ]


def vivit(frames: int, size: int) -> list[Part]:
    """ViViT-B, model 1 (arXiv 2103.15691): joint space-time attention over 2 x 16 x 16 tubelets and a class token."""
    (dim, heads), patches = BASE, frames // 2 * (size // 16) ** 2
    tokens = patches + 1
    return [
        linear("patch embedding", patches, 3 * 2 * 16 * 16, dim),
        Part("class token, positions", dim + tokens * dim),
        *_encoder(12, tokens, 1, tokens, dim, heads),
        Part("norms", 2 * dim),
        linear("head", 1, dim, CLASSES),
    ]


def vivit_factorised(frames: int, size: int) -> list[Part]:
    """ViViT-B, model 2, the factorised encoder: 12 layers within each n_h n_w frame, 4 over the n_t class tokens."""
    (dim, heads), steps, patches = BASE, frames // 2, (size // 16) ** 2
    per_frame, over_time = patches + 1, steps + 1
    return [
        linear("patch embedding", steps * patches, 3 * 2 * 16 * 16, dim),
        Part("class token, positions", dim + per_frame * dim + dim + over_time * dim),
        *_encoder(12, steps * per_frame, steps, per_frame, dim, heads),
        *_encoder(4, over_time, 1, over_time, dim, heads),
        Part("norms", 2 * 2 * dim),
        linear("head", 1, dim, CLASSES),
    ]


def timesformer(frames: int, size: int) -> list[Part]:
    """TimeSformer-B (arXiv 2102.05095), divided attention: over time at each place, then within each frame.

    Patches are of one frame; each frame's spatial attention sees the class token.
    """
    (dim, heads), places = BASE, (size // 16) ** 2
    patches = frames * places
    layer = [
        *_attention(patches, places, frames, dim, heads),
        linear("temporal projection", patches, dim, dim),
        *_attention(frames * (places + 1), frames, places + 1, dim, heads),
        *_mlp(patches + 1, dim),
        Part("norms", 3 * 2 * dim),
    ]
    return [
        linear("patch embedding", patches, 3 * 16 * 16, dim),
        Part("class token, positions", dim + (places + 1) * dim + frames * dim),
        *(part.times(12) for part in layer),
        Part("norms", 2 * dim),
        linear("head", 1, dim, CLASSES),
    ]


def video_swin_t(frames: int, size: int) -> list[Part]:
    """Video Swin-T (arXiv 2106.13230): attention in windows of 8 x 7 x 7 patches of 2 x 4 x 4, four stages.

    A map smaller than the window is one window; any other is padded to whole windows, and the padding is computed with.
    """
    window = (8, 7, 7)
    grid = (math.ceil(frames / 2), math.ceil(size / 4), math.ceil(size / 4))
    dim = 96
    parts = [linear("patch embedding", math.prod(grid), 3 * 2 * 4 * 4, dim), Part("norms", 2 * dim)]
    for stage, (depth, heads) in enumerate(zip((2, 2, 6, 2), (3, 6, 12, 24), strict=True)):
        if stage:  # patch merging: 2 x 2 places become one of twice the width
            grid = (grid[0], math.ceil(grid[1] / 2), math.ceil(grid[2] / 2))
            parts += [Part("norms", 2 * 4 * dim), linear("merging", math.prod(grid), 4 * dim, 2 * dim, bias=False)]
            dim *= 2
        own = [min(cells, most) for cells, most in zip(grid, window, strict=True)]
        windows = math.prod(math.ceil(cells / one) for cells, one in zip(grid, own, strict=True))
        length = math.prod(own)
        relative = Part("class token, positions", heads * math.prod(2 * most - 1 for most in window))
        block = [
            *_attention(windows * length, windows, length, dim, heads),
            *_mlp(math.prod(grid), dim),
            Part("norms", 2 * 2 * dim),
            relative,
        ]
        parts += [part.times(depth) for part in block]
    return [*parts, Part("norms", 2 * dim), linear("head", 1, dim, CLASSES)]


PEERS = {
    "video_swin_t": video_swin_t,
    "vivit_factorised": vivit_factorised,
    "vivit": vivit,
    "timesformer": timesformer,
    "videomae_s": videomae_s,
}


def by_name(parts: Sequence[Part]) -> list[Part]:
    """Parts of the same name as one, in the order in which names come first."""
    return [total(name, [p for p in parts if p.name == name]) for name in dict.fromkeys(p.name for p in parts)]


def _encoder(
    depth: int, tokens: int, sequences: int, length: int, dim: int, heads: int, *, key_bias: bool = True
) -> list[Part]:
    """Layers of norm, attention, norm, MLP."""
    layer = [
        *_attention(tokens, sequences, length, dim, heads, key_bias=key_bias),
        *_mlp(tokens, dim),
        Part("norms", 2 * 2 * dim),
    ]
    return [part.times(depth) for part in layer]


def _attention(tokens: int, sequences: int, length: int, dim: int, heads: int, *, key_bias: bool = True) -> list[Part]:
    qkv = linear("attention projections", tokens, dim, 3 * dim, bias=False)
    biases = Part("attention projections", (3 if key_bias else 2) * dim)
    scores = sequences * length**2
    return [
        total("attention projections", [qkv, biases, linear("", tokens, dim, dim)]),
        Part("attention", 0, 2 * scores * dim, 0, scores * heads),
    ]


def _mlp(tokens: int, dim: int) -> list[Part]:
    both = [linear("MLP", tokens, dim, 4 * dim), linear("MLP", tokens, 4 * dim, dim)]
    return [total("MLP", both)]
