"""The runs whose figures the paper gives, by the names that people type."""

from collections.abc import Callable

from videomamba.engine.config import RunConfig
from videomamba.recipes.breakfast import breakfast
from videomamba.recipes.hmdb51 import hmdb51
from videomamba.recipes.k400 import k400
from videomamba.recipes.recipe import Recipe
from videomamba.recipes.ssv2 import ssv2
from videomamba.recipes.swin import swin

_PAPER, _S1, _S4 = "main paper", "Table S1", "Table S4"

_MAIN = (
    Recipe("k400", k400, {}, 77.7, _PAPER),
    Recipe("ssv2", ssv2, {}, 64.2, _PAPER),
    Recipe("ssv2_f8", ssv2, {"frames": 8}, 61.0, _PAPER),
    Recipe("ssv2_f16", ssv2, {"frames": 16}, 63.7, _S1),
    Recipe("ssv2_k400", ssv2, {"frames": 16, "start": "k400"}, 63.9, _S1),
    Recipe("ssv2_scratch", ssv2, {"frames": 16, "start": "scratch"}, 44.0, _S1),
    Recipe("ssv2_tiny", ssv2, {"frames": 16, "model": "videomamba_tiny"}, 54.6, _PAPER),
    Recipe("hmdb51", hmdb51, {}, 59.3, _S1),
    Recipe("hmdb51_f8", hmdb51, {"frames": 8}, 52.7, _PAPER),
    Recipe("hmdb51_f16", hmdb51, {"frames": 16}, 58.9, _PAPER),
    Recipe("hmdb51_k400", hmdb51, {"frames": 16, "start": "k400"}, 68.6, _S1),
    Recipe("hmdb51_k400_f32", hmdb51, {"start": "k400"}, 75.7, _PAPER),
    Recipe("hmdb51_scratch", hmdb51, {"start": "scratch"}, 18.1, _S1),
    Recipe("hmdb51_tiny", hmdb51, {"frames": 16, "start": "k400", "model": "videomamba_tiny"}, 56.5, _PAPER),
    Recipe("breakfast_f32", breakfast, {"frames": 32}, 90.4, _S4),
    Recipe("breakfast_f64", breakfast, {"frames": 64}, 91.5, _S4),
    Recipe("ssv2_swin", swin, {"base": ssv2, "start": "imagenet1k"}, 52.3, _PAPER),
    Recipe("hmdb51_swin", swin, {"base": hmdb51, "start": "imagenet1k"}, 54.4, _PAPER),
    Recipe("hmdb51_swin_k400", swin, {"base": hmdb51, "start": "k400"}, 69.9, _PAPER),
)

# figures on SSV2 and HMDB51
_ORDERS = {"spatial": (61.9, 43.3), "temporal": (63.3, 52.9), "spatio_temporal": (64.7, 55.2)}
_POSITIONS = {
    "none": (63.2, 48.7),
    "sinusoidal": (63.3, 47.5),
    "random": (63.4, 47.9),
    "spatial_interpolation": (63.6, 49.4),
    "embed_dim_interpolation": (63.6, 51.5),
    "temporal_expansion": (63.7, 58.9),
}


def _ablations(make: Callable[..., RunConfig], column: int) -> list[Recipe]:
    """``<data>_order_<order>`` and ``<data>_pos_<position>``, at 16 frames."""
    name = make.__name__
    orders = [
        Recipe(f"{name}_order_{order}", make, {"frames": 16, "backward_order": order}, figures[column], _PAPER)
        for order, figures in _ORDERS.items()
    ]
    positions = [
        Recipe(f"{name}_pos_{kind}", make, {"frames": 16, "pos_embed": kind}, figures[column], _PAPER)
        for kind, figures in _POSITIONS.items()
    ]
    return orders + positions


PUBLISHED: tuple[Recipe, ...] = (*_MAIN, *_ablations(ssv2, 0), *_ablations(hmdb51, 1))
