"""How many operations a forward pass takes, part by part, from the definition of the model; and its parameters.

Two conventions go by the name of FLOPs, and both are given (:func:`totals`):

- *as the paper counts*: multiply-adds of the patch embedding and of in_proj and out_proj; a counter does not look
  inside the fused scan. 34.2 G for the paper's model at 16 frames.
- *the whole*: multiply-adds of every matrix product and convolution (39.1 G), and beside them the scan, the norms and
  the gates, which are neither: their additions and multiplications, and their exponentials, softpluses, SiLUs, roots.

All counts are of one clip. A multiply-add is one operation here; where both its halves count, double it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from videomamba.models.config import VideoMambaConfig
from videomamba.nn.position import LEARNED_KINDS

PAPER = ("patch embedding", "in_proj", "out_proj")


@dataclass(frozen=True)
class Part:
    """What one part of a model has and does.

    Attributes:
        name: of the part; all blocks of a model make one.
        parameters: numbers that are learnt.
        multiply_adds: of matrix products and convolutions, zero padding included.
        elementwise: other additions and multiplications.
        functions: values of exp, softplus, SiLU, 1/sqrt.
    """

    name: str
    parameters: int = 0
    multiply_adds: int = 0
    elementwise: int = 0
    functions: int = 0

    def times(self, count: int) -> "Part":
        """As many of this part."""
        return Part(self.name, *(count * number for number in self._numbers()))

    def _numbers(self) -> tuple[int, int, int, int]:
        return self.parameters, self.multiply_adds, self.elementwise, self.functions


@dataclass(frozen=True)
class Totals:
    """Of a model, for one clip.

    Attributes:
        parameters: numbers that are learnt.
        paper: multiply-adds as the paper counts them.
        multiply_adds: of all matrix products and convolutions.
        elementwise: additions and multiplications that are no part of these.
        functions: values of exp, softplus, SiLU, 1/sqrt.
    """

    parameters: int
    paper: int
    multiply_adds: int
    elementwise: int
    functions: int


def totals(parts: Sequence[Part]) -> Totals:
    """Sums over the parts of a VideoMamba."""
    paper = sum(part.multiply_adds for part in parts if part.name in PAPER)
    every = total("all", parts)
    return Totals(every.parameters, paper, every.multiply_adds, every.elementwise, every.functions)


def by_name(parts: Sequence[Part]) -> list[Part]:
    """Parts of the same name as one, in the order in which names come first."""
    return [total(name, [p for p in parts if p.name == name]) for name in dict.fromkeys(p.name for p in parts)]


def total(name: str, parts: Iterable[Part]) -> Part:
    """Several parts as one."""
    columns = zip(*(part._numbers() for part in parts), strict=True)
    return Part(name, *(sum(column) for column in columns))


def linear(name: str, rows: int, inputs: int, outputs: int, *, bias: bool = True) -> Part:
    """A matrix product of (rows, inputs) with learnt weights."""
    return Part(name, outputs * (inputs + bias), rows * inputs * outputs)


def videomamba_operations(config: VideoMambaConfig) -> list[Part]:
    """Of a VideoMamba at its input size; norms, positions and activations included."""
    c = config
    t, h, w = c.grid
    patches = t * h * w
    tokens, dim, inner, states = patches + 1, c.embed_dim, c.expand * c.embed_dim, c.d_state
    rank = -(-dim // 16)
    pixels = 3 * c.tubelet_size * c.patch_size**2
    learnt = c.pos_embed in LEARNED_KINDS
    selective = tokens * inner  # values of one direction's channels
    blocks = [
        # squares, their sum, mean and eps, and two products per channel; one root per token
        Part("norms", dim, 0, tokens * (4 * dim + 1), tokens),
        linear("in_proj", tokens, dim, 2 * inner, bias=False),
        *(
            part.times(2)  # directions
            for part in (
                Part("convolution", inner * (c.d_conv + 1), selective * c.d_conv, selective, selective),
                linear("x_proj", tokens, inner, rank + 2 * states, bias=False),
                Part("dt_proj", inner * (rank + 1), tokens * rank * inner),
                # a channel: bias and softplus, delta u, D u and its sum; a state: delta A, exp, (delta u) B, decay h
                # and the sum of both; C h, summed over states
                Part("scan", inner * (states + 1), 0, selective * (6 * states + 3), selective * (states + 1)),
            )
        ),
        Part("gate", 0, 0, 2 * selective, selective),  # sum of both directions, silu(z), product
        linear("out_proj", tokens, inner, dim, bias=False),
        Part("residual", 0, 0, tokens * dim),
    ]
    parts = [
        linear("patch embedding", patches, pixels, dim),
        Part(
            "class token, positions",
            dim + (tokens * dim if learnt else 0),
            0,
            0 if c.pos_embed == "none" else tokens * dim,
        ),
        *(part.times(c.depth) for part in blocks),
        Part("last norm", dim, 0, tokens * (4 * dim + 1), tokens),
    ]
    return [*parts, linear("head", 1, dim, c.num_classes)] if c.num_classes else parts
