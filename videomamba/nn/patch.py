"""Tubelet embedding: a video cut into blocks of T x H x W pixels, each mapped to one token."""

from torch import Tensor, nn

from videomamba.nn.stock import parameter_dtype


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
