"""RMS normalisation that bridges a float32 residual stream and layers of any dtype."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videomamba.ops.norm import native


class RMSNorm(nn.RMSNorm):
    """``x / rms(x) * weight`` computed in x's dtype (the residual stream's), returned in the weight's."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.to(x.dtype)
        # a compiler must see the operators, and cannot look into what follows
        if self.eps is not None and not torch.compiler.is_compiling() and native.serves(x, weight):
            return native.rms_norm(x, weight, self.eps).to(self.weight.dtype)
        return F.rms_norm(x, tuple(self.normalized_shape), weight, self.eps).to(self.weight.dtype)
