"""MS-TCN++ (arXiv 2006.09220): convolutions along time, stage after stage."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.models.architectures import architecture
from videomamba.models.segmenter import Segmenter
from videomamba.models.segmenter_config import MSTCN2Config
from videomamba.nn.temporal import DilatedConv, masked


class DualDilatedLayer(nn.Module):
    """Two convolutions side by side, one that sees near and one that sees far, joined; residual."""

    def __init__(self, dim: int, dilations: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.near, self.far = (DilatedConv(dim, dilation) for dilation in dilations)
        self.fusion = nn.Conv1d(2 * dim, dim, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        both = self.fusion(torch.cat([self.near(x), self.far(x)], 1))
        return masked(x + self.dropout(F.relu(both)), valid)


class DilatedLayer(nn.Module):
    """``x + dropout(project(relu(conv(x))))``."""

    def __init__(self, dim: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv = DilatedConv(dim, dilation)
        self.project = nn.Conv1d(dim, dim, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        return masked(x + self.dropout(self.project(F.relu(self.conv(x)))), valid)


class MSTCNStage(nn.Module):
    """Channels in, layers, classes out."""

    def __init__(self, input_dim: int, dim: int, num_classes: int, layers: list[nn.Module]) -> None:
        super().__init__()
        self.embed = nn.Conv1d(input_dim, dim, 1)
        self.layers = nn.ModuleList(layers)
        self.head = nn.Conv1d(dim, num_classes, 1)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """(B, C, T) -> logits (B, num_classes, T)."""
        features = masked(self.embed(x), valid)
        for layer in self.layers:
            features = layer(features, valid)
        return masked(self.head(features), valid)


@architecture(MSTCN2Config)
class MSTCN2(Segmenter):
    """A stage that predicts, of dual dilated layers, and stages that refine its answer.

    Example:
        >>> model = videomamba.create_model("mstcn2", input_dim=16, num_classes=4)
        >>> model(torch.zeros(1, 16, 50)).shape  # (stages, B, classes, T)
        torch.Size([4, 1, 4, 50])
    """

    config: MSTCN2Config

    def _make(self, config: MSTCN2Config) -> None:
        c, depth = config, config.num_layers
        self.channel_masking = nn.Dropout1d(c.channel_masking_rate)
        dual: list[nn.Module] = [
            DualDilatedLayer(c.embed_dim, (2**i, 2 ** (depth - 1 - i)), c.dropout) for i in range(depth)
        ]
        self.prediction = MSTCNStage(c.input_dim, c.embed_dim, c.num_classes, dual)
        self.refinements = nn.ModuleList(
            MSTCNStage(
                c.num_classes,
                c.embed_dim,
                c.num_classes,
                [DilatedLayer(c.embed_dim, 2**i, c.dropout) for i in range(c.num_refinement_layers)],
            )
            for _ in range(c.num_refinements)
        )

    def stages(self, features: Tensor, valid: Tensor | None) -> Tensor:
        outputs = [self.prediction(masked(self.channel_masking(features), valid), valid)]
        for refinement in self.refinements:
            outputs.append(refinement(masked(outputs[-1].softmax(1), valid), valid))
        return torch.stack(outputs)
