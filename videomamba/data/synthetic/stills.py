"""Pictures of single objects, told apart by shape and colour: what an image model can learn before it sees a video."""

from dataclasses import dataclass

import numpy as np

from videomamba.data.synthetic.files import Synthetic
from videomamba.data.synthetic.objects import COLOURS, SHAPES, draw_background, draw_object
from videomamba.data.synthetic.scene import FINENESS, Pose, composed, to_frames
from videomamba.errors import UserError


@dataclass(frozen=True, kw_only=True)
class SyntheticStills(Synthetic):
    """One object a picture, a class for each shape in each colour; written as videos of one frame."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(sorted(f"{colour}_{shape}" for colour in COLOURS for shape in SHAPES))

    def render(self, name: str, seed: tuple[int, ...]) -> np.ndarray:
        return render_still(name, seed=seed, size=self.size)


def render_still(name: str, *, seed: int | tuple[int, ...], size: int = 64) -> np.ndarray:
    """One picture of a class, such as ``red_star``, the same for the same arguments; all else is drawn at random.

    Returns:
        (1, H, W, 3) uint8.

    Raises:
        UserError: unknown class.
    """
    colour, _, shape = name.partition("_")
    if colour not in COLOURS or shape not in SHAPES:
        raise UserError(f"unknown class {name!r}; expected {'|'.join(COLOURS)}_{'|'.join(SHAPES)}")
    rng = np.random.default_rng(seed)
    background = draw_background(rng, FINENESS * size)[None]
    x, y = rng.uniform(-0.3, 0.3, 2)
    pose = Pose(x, y, rng.uniform(0.65, 1.0), rng.uniform(-0.4, 0.4), light=rng.uniform(0.7, 1.0))
    return to_frames(composed(background, draw_object(rng, shape=shape, colour=colour), pose))
