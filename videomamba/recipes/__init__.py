"""One function for each kind of run, returning its configuration; RECIPES are the names that people type."""

from collections.abc import Callable
from pathlib import Path

from videomamba.engine.config import RunConfig
from videomamba.recipes.ava import ava
from videomamba.recipes.folder import folder
from videomamba.recipes.published import PUBLISHED
from videomamba.recipes.recipe import Recipe
from videomamba.recipes.segmentation import SEGMENTATION
from videomamba.recipes.synthetic_motions import synthetic_motions
from videomamba.recipes.synthetic_stills import synthetic_stills

# each takes the folder of its data, or None for its default one
RECIPES: dict[str, Callable[[Path | None], RunConfig]] = {
    "ava": Recipe("ava", ava, {}, 22.1, "Table S5", metric="mAP"),
    "synthetic_motions": synthetic_motions,
    "synthetic_stills": synthetic_stills,
    **{recipe.name: recipe for recipe in (*PUBLISHED, *SEGMENTATION)},
}

__all__ = ["PUBLISHED", "RECIPES", "Recipe", "ava", "folder", "synthetic_motions", "synthetic_stills"]
