"""One function for each kind of run, returning its configuration; RECIPES are the names at the command line."""

from videomamba.recipes import paper
from videomamba.recipes.ava import ava
from videomamba.recipes.breakfast import breakfast
from videomamba.recipes.folder import folder
from videomamba.recipes.hmdb51 import hmdb51
from videomamba.recipes.images import images, tiny_imagenet
from videomamba.recipes.jhmdb import jhmdb
from videomamba.recipes.k400 import k400
from videomamba.recipes.recipe import Recipe
from videomamba.recipes.segmentation import breakfast_segmentation, gtea, salads
from videomamba.recipes.ssv2 import ssv2
from videomamba.recipes.swin import swin
from videomamba.recipes.synthetic_motions import synthetic_motions
from videomamba.recipes.synthetic_stills import synthetic_stills

_MAKERS = {make.__name__: make for make in (k400, ssv2, hmdb51, breakfast, swin, ava, gtea)}
_ALL = (
    *(Recipe(row.name, _MAKERS[row.base], row.changes, row) for row in paper.TABLE if row.name is not None),
    Recipe("50salads", salads),
    Recipe("breakfast_segmentation", breakfast_segmentation),
    Recipe("synthetic_motions", synthetic_motions),
    Recipe("synthetic_stills", synthetic_stills),
    Recipe("jhmdb", jhmdb),
    Recipe("images", images),
    Recipe("tiny_imagenet", tiny_imagenet),
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}

__all__ = ["RECIPES", "Recipe", "ava", "folder", "images", "synthetic_motions", "synthetic_stills"]
