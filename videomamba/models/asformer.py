"""ASFormer (arXiv 2110.08568), and ASFormer with the ST-SSM in place of its attention (supplement, Table S6)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.models.architectures import architecture
from videomamba.models.segmenter import Segmenter
from videomamba.models.segmenter_config import ASFormerConfig
from videomamba.nn.temporal import DilatedConv, TemporalSSM, instance_norm, masked
from videomamba.nn.window_attention import WindowAttention


class ASFormerLayer(nn.Module):
    """``x + dropout(project(a mix(norm(c)) + c))`` with ``c = relu(conv(x))``, the convolution dilated."""

    def __init__(self, config: ASFormerConfig, dilation: int, mixer: nn.Module, strength: float) -> None:
        super().__init__()
        self.conv = DilatedConv(config.embed_dim, dilation)
        self.mixer = mixer
        self.project = nn.Conv1d(config.embed_dim, config.embed_dim, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.strength = strength

    def forward(self, x: Tensor, source: Tensor | None, valid: Tensor | None) -> Tensor:
        out = F.relu(self.conv(x))
        out = self.strength * self.mixer(instance_norm(out, valid), source, valid) + out
        return masked(x + self.dropout(self.project(out)), valid)


class ASFormerStage(nn.Module):
    """The encoder, or a decoder: its values come from the features of the stage before."""

    def __init__(self, config: ASFormerConfig, input_dim: int, *, is_decoder: bool, strength: float) -> None:
        super().__init__()
        self.embed = nn.Conv1d(input_dim, config.embed_dim, 1)
        self.layers = nn.ModuleList(
            ASFormerLayer(config, 2**i, _mixer(config, 2**i, is_decoder=is_decoder), strength)
            for i in range(config.num_layers)
        )
        self.head = nn.Conv1d(config.embed_dim, config.num_classes, 1)

    def forward(self, x: Tensor, source: Tensor | None, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, C, T) -> logits (B, num_classes, T) and features (B, d, T)."""
        features = masked(self.embed(x), valid)
        for layer in self.layers:
            features = layer(features, source, valid)
        return masked(self.head(features), valid), features


@architecture(ASFormerConfig)
class ASFormer(Segmenter):
    """An encoder of the features and decoders that refine its answer, each layer looking twice as far as the last.

    Example:
        >>> model = videomamba.create_model("asformer", input_dim=16, num_classes=4)
        >>> model(torch.zeros(1, 16, 50)).shape  # (stages, B, classes, T)
        torch.Size([4, 1, 4, 50])
    """

    config: ASFormerConfig

    def _make(self, config: ASFormerConfig) -> None:
        self.channel_masking = nn.Dropout1d(config.channel_masking_rate)
        self.encoder = ASFormerStage(config, config.input_dim, is_decoder=False, strength=1.0)
        self.decoders = nn.ModuleList(
            ASFormerStage(config, config.num_classes, is_decoder=True, strength=math.exp(-3 * i))
            for i in range(config.num_decoders)
        )

    def stages(self, features: Tensor, valid: Tensor | None) -> Tensor:
        logits, hidden = self.encoder(masked(self.channel_masking(features), valid), None, valid)
        outputs = [logits]
        for decoder in self.decoders:
            logits, hidden = decoder(masked(logits.softmax(1), valid), hidden, valid)
            outputs.append(logits)
        return torch.stack(outputs)


def _mixer(config: ASFormerConfig, window: int, *, is_decoder: bool) -> nn.Module:
    if config.mixer == "ssm" or (config.mixer == "ssm_encoder" and not is_decoder):
        options: dict[str, Any] = {"state_dim": config.d_state, "conv_kernel": config.d_conv, "expand": config.expand}
        return TemporalSSM(
            config.embed_dim,
            has_source=is_decoder,
            layer_scale=config.layer_scale,
            drop_path=config.drop_path_rate,
            backend=config.backend,
            **options,
        )
    return WindowAttention(config.embed_dim, window=window, r1=config.r1, r2=config.r2, window_mask=config.window_mask)
