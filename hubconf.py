"""torch.hub: ``torch.hub.load("OWNER/REPOSITORY", "videomamba_small")``, or ``source="local"`` with a checkout.

Each architecture of ``videomamba models`` is an entry point with the arguments of :func:`videomamba.create_model`,
``pretrained=`` with a published name or a checkpoint among them; ``load_model`` takes any checkpoint.
"""

from functools import partial as _partial

from videomamba.models import create_model as _create_model
from videomamba.models import list_models as _list_models
from videomamba.models import load_model

dependencies = ["torch", "torchvision", "huggingface_hub", "safetensors", "av", "jaxtyping"]

__all__ = ["load_model"]

for _name in _list_models():
    globals()[_name] = _partial(_create_model, _name)
    globals()[_name].__doc__ = _create_model.__doc__
