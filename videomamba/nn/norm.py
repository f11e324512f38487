"""RMS normalisation that bridges a float32 residual stream and layers of any dtype."""

import torch.nn.functional as F
from torch import Tensor, nn


class RMSNorm(nn.RMSNorm):
    """``x / rms(x) * weight`` computed in x's dtype (the residual stream's), returned in the weight's."""

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, tuple(self.normalized_shape), self.weight.to(x.dtype), self.eps).to(self.weight.dtype)
