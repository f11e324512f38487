"""The one list of architectures: a name, as ``config.json`` has it, to a configuration and a model.

A model announces itself with ``@architecture(ItsConfig)`` over its class; :mod:`videomamba.models` imports all.
What reads files of models need not import the models, which save themselves.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=type[nn.Module])


class Architecture(NamedTuple):
    """What a name stands for."""

    config: type[Any]
    model: type[Any]


ARCHITECTURES: dict[str, Architecture] = {}


def architecture(config: type[Any]) -> Callable[[M], M]:
    """Announces the decorated class as the model of this dataclass."""

    def announce(model: M) -> M:
        model.config_type = config  # type: ignore[attr-defined]
        ARCHITECTURES[model.__name__] = Architecture(config, model)
        return model

    return announce


def name_of(config: Any) -> str:
    """The architecture that a configuration is of."""
    return next(name for name, known in ARCHITECTURES.items() if known.config is type(config))


@lru_cache(maxsize=32)
def tensors_of(config: Any) -> Mapping[str, Tensor]:
    """Names and shapes of a model's tensors, on PyTorch's meta device, without its numbers."""
    with torch.device("meta"):
        return MappingProxyType(ARCHITECTURES[name_of(config)].model(config).state_dict())
