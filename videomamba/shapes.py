"""The letters that name tensor axes everywhere in this package, and the array types made of them.

====== ==========================================================
B      batch
T H W  frames, height and width of a video in pixels
t h w  the token grid: ``T / tubelet``, ``H / patch``, ``W / patch``
M      patch tokens of a video, ``t * h * w``
L      tokens of a sequence, ``M + 1`` with the class token
d      width of the model (the residual stream)
D      inner width of the mixer, ``expand * d``
R      rank of the step size, ``ceil(d / 16)``
N      states per inner channel
G      groups that share one B and C
K      taps of the causal convolution
====== ==========================================================

The types are jaxtyping annotations: documentation for people, checked at run time by the tests only.
"""

from jaxtyping import Float, Int
from torch import Tensor

Video = Float[Tensor, "B 3 T H W"]
Tokens = Float[Tensor, "B L d"]
Inner = Float[Tensor, "B L D"]
States = Float[Tensor, "B D N"]
Logits = Float[Tensor, "B classes"]
Order = Int[Tensor, " L"]
