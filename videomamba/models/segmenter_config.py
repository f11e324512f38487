"""Models that name the action in every frame, from features of the frames, as frozen data."""

from dataclasses import dataclass
from typing import Literal

from videomamba.checks import check_choice, check_fraction, check_int
from videomamba.errors import UserError
from videomamba.nn.window_attention import WINDOW_MASKS, WindowMask
from videomamba.ops.backend import BACKENDS

MIXERS = ("attention", "ssm_encoder", "ssm")


@dataclass(frozen=True)
class FeaturePreprocessing:
    """What a sequence of features goes through before the model.

    Attributes:
        stride: the model sees one of so many features; predictions are repeated as often.
    """

    stride: int = 1

    def __post_init__(self) -> None:
        check_int("stride", self.stride, at_least=1)

    def __str__(self) -> str:
        return "features of every frame" if self.stride == 1 else f"features of one frame in {self.stride}"


@dataclass(frozen=True)
class ASFormerConfig:
    """ASFormer (arXiv 2110.08568); the defaults are the published model.

    Attributes:
        num_classes: actions.
        input_dim: channels of the features.
        embed_dim: channels within.
        num_decoders: stages that refine the first one's answer.
        num_layers: of each stage; layer i has dilation and window 2^i.
        r1, r2: ``embed_dim`` over the channels of query and key, and of value.
        dropout: in every layer.
        channel_masking_rate: share of the features' channels that are blanked in training.
        window_mask: of the attention, see :func:`videomamba.nn.window_attention.window_attention`.
        mixer: what mixes the steps beside the convolutions: ``attention``; the ST-SSM in the encoder and attention in
            the decoders (``ssm_encoder``, as Video Mamba Suite has it); the ST-SSM everywhere (``ssm``).
        d_state, d_conv, expand: of the ST-SSM, see :class:`videomamba.models.config.VideoMambaConfig`.
        layer_scale: what each channel of the ST-SSM's answer is first multiplied by, learnt, when it is added to its
            input; None: it takes the input's place, unscaled.
        drop_path_rate: how often the ST-SSM's answer is left out in training.
        backend: of its scan.
    """

    num_classes: int = 11
    input_dim: int = 2048
    embed_dim: int = 64
    num_decoders: int = 3
    num_layers: int = 10
    r1: int = 2
    r2: int = 2
    dropout: float = 0.5
    channel_masking_rate: float = 0.3
    window_mask: WindowMask = "released"
    mixer: Literal["attention", "ssm_encoder", "ssm"] = "attention"
    d_state: int = 16
    d_conv: int = 4
    expand: int = 2
    layer_scale: float | None = None
    drop_path_rate: float = 0.0
    backend: str = "auto"

    def __post_init__(self) -> None:
        for name in ("num_classes", "input_dim", "embed_dim", "num_layers", "r1", "r2", "d_state", "d_conv", "expand"):
            check_int(name, getattr(self, name), at_least=1)
        check_int("num_decoders", self.num_decoders, at_least=0)
        check_fraction("dropout", self.dropout)
        check_fraction("channel_masking_rate", self.channel_masking_rate)
        check_fraction("drop_path_rate", self.drop_path_rate)
        if self.layer_scale is not None and not isinstance(self.layer_scale, int | float):
            raise UserError(f"layer_scale={self.layer_scale!r}; it must be a number, or None")
        check_choice("window_mask", self.window_mask, WINDOW_MASKS)
        check_choice("mixer", self.mixer, MIXERS)
        check_choice("backend", self.backend, BACKENDS)
        if self.embed_dim % self.r1 or self.embed_dim % self.r2:
            raise UserError(f"embed_dim={self.embed_dim} must be divisible by r1={self.r1} and r2={self.r2}")


@dataclass(frozen=True)
class MSTCN2Config:
    """MS-TCN++ (arXiv 2006.09220); the defaults are the published model.

    Attributes:
        num_classes: actions.
        input_dim: channels of the features.
        embed_dim: channels within.
        num_layers: of the first stage; each has a convolution of growing dilation and one of falling dilation.
        num_refinements: stages that refine its answer.
        num_refinement_layers: of each of them.
        dropout: in every layer.
        channel_masking_rate: share of the features' channels that are blanked in training; the paper has none.
    """

    num_classes: int = 11
    input_dim: int = 2048
    embed_dim: int = 64
    num_layers: int = 11
    num_refinements: int = 3
    num_refinement_layers: int = 10
    dropout: float = 0.5
    channel_masking_rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("num_classes", "input_dim", "embed_dim", "num_layers", "num_refinement_layers"):
            check_int(name, getattr(self, name), at_least=1)
        check_int("num_refinements", self.num_refinements, at_least=0)
        check_fraction("dropout", self.dropout)
        check_fraction("channel_masking_rate", self.channel_masking_rate)


SegmenterConfig = ASFormerConfig | MSTCN2Config
