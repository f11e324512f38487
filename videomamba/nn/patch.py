"""Tubelet embedding: a video cut into blocks of T x H x W pixels, each mapped to one token."""

import torch
from torch import Tensor, nn

from videomamba.nn.stock import parameter_dtype
from videomamba.shapes import Tokens


class TubeletEmbed(nn.Module):
    """(B, 3, T, H, W) -> (B, M, d): a 3D convolution whose stride is its kernel (Table S2, stage "tubelet").

    Tokens come in the order t, then h, then w. A ``patch_stride`` below the patch makes patches overlap.
    """

    def __init__(self, embed_dim: int, tubelet_size: int, patch_size: int, patch_stride: int | None = None) -> None:
        super().__init__()
        stride = patch_stride or patch_size
        kernel = (tubelet_size, patch_size, patch_size)
        self.proj = nn.Conv3d(3, embed_dim, kernel, stride=(tubelet_size, stride, stride))

    def forward(self, video: Tensor) -> Tensor:
        return self.proj(video.to(parameter_dtype(self.proj, video))).flatten(2).transpose(1, 2)


def with_class_token(patches: Tokens, cls_token: Tensor, index: int, positions: Tensor | None) -> Tokens:
    """(B, M, d) patch tokens and a class token (1, 1, d) at ``index``, (B, M + 1, d), with positions (1, M + 1, d).

    In the class token's dtype.
    """
    cls = cls_token.expand(patches.shape[0], -1, -1)  # no len(): that would make an exported batch a constant
    patches = patches.to(cls_token.dtype)
    tokens = torch.cat([patches[:, :index], cls, patches[:, index:]], 1)
    return tokens if positions is None else tokens + positions.to(tokens)
