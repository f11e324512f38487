"""The models that VideoMamba is timed beside, with random weights, each taking (B, 3, T, H, W) to logits.

Video Swin-T is torchvision's; ViViT, TimeSformer and VideoMAE are transformers'. ViViT's factorised encoder is put
together from transformers' layers, which hold the joint model only.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from videomamba.benchmark.model import CLASSES, timed_models
from videomamba.errors import UserError
from videomamba.models import create_model

BASE, SMALL = (768, 12), (384, 6)  # width and heads of ViT-B and ViT-S
OF_TRANSFORMERS = ("vivit_factorised", "vivit", "timesformer", "videomae_s")
MODELS = ("videomamba_small", "video_swin_t", *OF_TRANSFORMERS)


def available() -> tuple[str, ...]:
    """Names of models that can be made here: those of transformers only where it is installed."""
    ours = [name for name in timed_models() if name not in MODELS]
    return (*(name for name in MODELS if name not in OF_TRANSFORMERS or find_spec("transformers")), *ours)


def make_model(name: str, frames: int, size: int) -> nn.Module:
    """A model of 400 classes for this input; ``attention`` on it says how it computes attention.

    Raises:
        UserError: unknown name, transformers is missing, or an input that the model cannot take.
    """
    if name in OF_TRANSFORMERS:
        if not find_spec("transformers"):
            raise UserError(f"{name} is transformers' model: pip install 'transformers>=5'")
        if frames % 2 or size % 16:
            raise UserError(f"{name} takes frames divisible by 2 and a size divisible by 16, not {frames} x {size}")
        return _FROM_TRANSFORMERS[name](frames, size)
    if name not in timed_models():
        raise UserError(f"unknown model {name!r}; choose among {', '.join(dict.fromkeys((*MODELS, *timed_models())))}")
    model: nn.Module = create_model(name, num_frames=frames, img_size=size, num_classes=CLASSES)
    return model


class FromTransformers(nn.Module):
    """A classifier of transformers under this package's layout of a video."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.attention: str = model.config._attn_implementation

    def forward(self, video: Tensor) -> Tensor:
        logits: Tensor = self.model(video.transpose(1, 2)).logits
        return logits


class VivitFactorised(nn.Module):
    """ViViT's model 2: an encoder of each step's patches, then four layers over the class tokens of the steps."""

    def __init__(self, frames: int, size: int) -> None:
        super().__init__()
        from transformers.models.vivit.modeling_vivit import VivitLayer, VivitModel

        config = _vivit_config(2, size)
        self.spatial: Any = VivitModel._from_config(config, add_pooling_layer=False, **_sdpa(VivitModel))
        dim = config.hidden_size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.zeros(1, frames // 2 + 1, dim))
        self.temporal = nn.ModuleList(VivitLayer(self.spatial.config) for _ in range(4))
        self.norm = nn.LayerNorm(dim, eps=config.layer_norm_eps)
        self.head = nn.Linear(dim, CLASSES)
        self.attention: str = self.spatial.config._attn_implementation

    def forward(self, video: Tensor) -> Tensor:
        steps = video.transpose(1, 2).unflatten(1, (-1, 2))  # (B, t, 2, 3, H, W)
        tokens = self.spatial(steps.flatten(0, 1)).last_hidden_state[:, 0].unflatten(0, steps.shape[:2])
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1) + self.positions
        for layer in self.temporal:
            tokens = layer(tokens)
        logits: Tensor = self.head(self.norm(tokens)[:, 0])
        return logits


def _sdpa(kind: Any) -> dict[str, str]:
    """Fused attention where the model has it."""
    return {"attn_implementation": "sdpa" if getattr(kind, "_supports_sdpa", False) else "eager"}


def _vivit_config(frames: int, size: int) -> Any:
    from transformers import VivitConfig

    dim, heads = BASE
    return VivitConfig(
        image_size=size,
        num_frames=frames,
        tubelet_size=[2, 16, 16],
        hidden_size=dim,
        num_attention_heads=heads,
        num_hidden_layers=12,
        intermediate_size=4 * dim,
        num_labels=CLASSES,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def _vivit(frames: int, size: int) -> nn.Module:
    from transformers import VivitForVideoClassification as Vivit

    return FromTransformers(Vivit._from_config(_vivit_config(frames, size), **_sdpa(Vivit)))


def _timesformer(frames: int, size: int) -> nn.Module:
    from transformers import TimesformerConfig
    from transformers import TimesformerForVideoClassification as Timesformer

    dim, heads = BASE
    config = TimesformerConfig(
        image_size=size,
        patch_size=16,
        num_frames=frames,
        hidden_size=dim,
        num_attention_heads=heads,
        num_hidden_layers=12,
        intermediate_size=4 * dim,
        num_labels=CLASSES,
    )
    return FromTransformers(Timesformer._from_config(config, **_sdpa(Timesformer)))


def _videomae_s(frames: int, size: int) -> nn.Module:
    from transformers import VideoMAEConfig
    from transformers import VideoMAEForVideoClassification as VideoMAE

    dim, heads = SMALL
    config = VideoMAEConfig(
        image_size=size,
        patch_size=16,
        num_frames=frames,
        tubelet_size=2,
        hidden_size=dim,
        num_attention_heads=heads,
        num_hidden_layers=12,
        intermediate_size=4 * dim,
        num_labels=CLASSES,
        use_mean_pooling=True,
    )
    model = VideoMAE._from_config(config, **_sdpa(VideoMAE))
    embeddings = model.videomae.embeddings  # its table is no buffer: it would be copied to the device at every call
    embeddings.register_buffer("position_embeddings", embeddings.__dict__.pop("position_embeddings"), persistent=False)
    return FromTransformers(model)


_FROM_TRANSFORMERS: dict[str, Callable[[int, int], nn.Module]] = {
    "vivit_factorised": VivitFactorised,
    "vivit": _vivit,
    "timesformer": _timesformer,
    "videomae_s": _videomae_s,
}
