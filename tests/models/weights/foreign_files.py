"""Files in other people's layouts: the fixtures that their code computed, and random ones of any size."""

import json
import math
from dataclasses import dataclass

import torch
from safetensors import safe_open
from torch import Tensor

from tests.tiny import FIXTURES


@dataclass(frozen=True)
class Reference:
    """What their code computed, in float64, from these weights."""

    config: dict
    weights: dict[str, Tensor]
    video: Tensor
    features: Tensor
    logits: Tensor


def reference(name: str) -> Reference:
    with safe_open(FIXTURES / f"{name}.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        config = json.loads(file.metadata()["config"])
    weights = {key.removeprefix("weights."): value for key, value in tensors.items() if key.startswith("weights.")}
    video = tensors["input"] if tensors["input"].dim() == 5 else tensors["input"].unsqueeze(2)
    return Reference(config, weights, video, tensors["features"], tensors["logits"])


def random_weights(
    width: int,
    depth: int,
    *,
    classes: int = 1000,
    slots: int = 197,
    frames: int | None = None,
    tubelet: int = 1,
    patch: int = 16,
    device: str = "cpu",
) -> dict[str, Tensor]:
    """Random tensors under the names of an image file, or of OpenGVLab's video files where ``frames`` is given."""
    torch.manual_seed(width + depth)
    inner, rank = 2 * width, math.ceil(width / 16)

    def draw(*shape: int, mean: float = 0.0) -> Tensor:
        values = torch.empty(shape, device=device)
        return values if values.is_meta else values.normal_(mean, 0.02)

    weights = {
        "cls_token": draw(1, 1, width),
        "pos_embed": draw(1, slots, width),
        "patch_embed.proj.weight": draw(width, 3, *([] if frames is None else [tubelet]), patch, patch),
        "patch_embed.proj.bias": draw(width),
        "norm_f.weight": draw(width, mean=1.0),
    }
    if frames is not None:
        weights["temporal_pos_embedding"] = draw(1, frames // tubelet, width)
    if classes:
        weights |= {"head.weight": draw(classes, width), "head.bias": draw(classes)}
    for i in range(depth):
        block = {"norm.weight": draw(width, mean=1.0), "mixer.in_proj.weight": draw(2 * inner, width)}
        block["mixer.out_proj.weight"] = draw(width, inner)
        for b in ("", "_b"):
            block |= {
                f"mixer.conv1d{b}.weight": draw(inner, 1, 4),
                f"mixer.conv1d{b}.bias": draw(inner),
                f"mixer.x_proj{b}.weight": draw(rank + 32, inner),
                f"mixer.dt_proj{b}.weight": draw(inner, rank),
                f"mixer.dt_proj{b}.bias": draw(inner, mean=-4.0),
                f"mixer.A{b}_log": draw(inner, 16),
                f"mixer.D{b}": draw(inner, mean=1.0),
            }
        weights |= {f"layers.{i}.{name}": value for name, value in block.items()}
    return weights
