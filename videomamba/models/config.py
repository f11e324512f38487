"""Architectures as frozen data."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, TypeVar

from videomamba.checks import check_bool, check_choice, check_fraction, check_int, check_known
from videomamba.errors import UserError
from videomamba.models.segmenter_config import SegmenterConfig
from videomamba.nn.order import BACKWARD_ORDERS, BackwardOrder
from videomamba.nn.position import POSITION_KINDS, PositionKind
from videomamba.ops.backend import BACKENDS

CLS_POSITIONS = ("first", "middle", "last")


@dataclass(frozen=True)
class VideoMambaConfig:
    """The architecture; the defaults are the paper's model at 16 frames (supplement, Table S2).

    Attributes:
        num_frames: T, divisible by ``tubelet_size``.
        img_size: height and width in pixels, or one number for both; divisible by ``patch_size``.
        num_classes: outputs of the head; 0 leaves the head out.
        embed_dim: width d.
        depth: number of blocks.
        tubelet_size: frames of a tubelet.
        patch_size: its height and width in pixels.
        patch_stride: pixels from one patch to the next; None is ``patch_size``, less makes patches overlap (Vim's files
            that were fine-tuned at stride 8).
        backward_order: how the backward direction visits the tokens.
        pos_embed: kind of position embedding.
        cls_position: ``first``, ``middle`` (index M // 2 of the sequence) or ``last``.
        d_state: states N per channel.
        d_conv: taps of the causal convolution.
        expand: inner width over d.
        drop_path_rate: stochastic depth of the last block; it grows linearly from 0 at the first.
        final_norm: whether a norm follows the last block.
        backend: implementation of the scan, see :mod:`videomamba.ops.backend`.

    Raises:
        UserError: a value that no model can have; the line names field, value and what is allowed.
    """

    num_frames: int = 16
    img_size: int | tuple[int, int] = 224
    num_classes: int = 400
    embed_dim: int = 384
    depth: int = 24
    tubelet_size: int = 2
    patch_size: int = 16
    patch_stride: int | None = None
    backward_order: BackwardOrder = "spatio_temporal"
    pos_embed: PositionKind = "temporal_expansion"
    cls_position: str = "first"
    d_state: int = 16
    d_conv: int = 4
    expand: int = 2
    drop_path_rate: float = 0.0
    final_norm: bool = True
    backend: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "img_size", _sides(self.img_size))
        check_bool("final_norm", self.final_norm)
        for name in ("num_frames", "embed_dim", "depth", "tubelet_size", "patch_size", "d_state", "d_conv", "expand"):
            check_int(name, getattr(self, name), at_least=1)
        check_int("num_classes", self.num_classes, at_least=0)
        check_choice("backward_order", self.backward_order, BACKWARD_ORDERS)
        check_choice("pos_embed", self.pos_embed, POSITION_KINDS)
        check_choice("cls_position", self.cls_position, CLS_POSITIONS)
        check_choice("backend", self.backend, BACKENDS)
        check_fraction("drop_path_rate", self.drop_path_rate)
        if self.num_frames % self.tubelet_size:
            raise UserError(f"num_frames={self.num_frames} must be divisible by tubelet_size={self.tubelet_size}")
        if self.patch_stride is not None:
            check_int("patch_stride", self.patch_stride, at_least=1)
            if self.patch_stride > self.patch_size:
                raise UserError(f"patch_stride={self.patch_stride} is more than patch_size={self.patch_size}")
        for pixels in self.height_width:
            if pixels < self.patch_size or (pixels - self.patch_size) % self._stride:
                rule = f"divisible by patch_size={self.patch_size}"
                if self.patch_stride is not None:
                    rule = f"patch_size={self.patch_size} plus a multiple of patch_stride={self.patch_stride}"
                raise UserError(f"img_size={self.img_size} must be {rule}")

    @property
    def height_width(self) -> tuple[int, int]:
        """Of the input, in pixels."""
        return (self.img_size, self.img_size) if isinstance(self.img_size, int) else self.img_size

    @property
    def grid(self) -> tuple[int, int, int]:
        """(t, h, w) of the patch tokens."""
        height, width = ((pixels - self.patch_size) // self._stride + 1 for pixels in self.height_width)
        return self.num_frames // self.tubelet_size, height, width

    @property
    def _stride(self) -> int:
        return self.patch_stride or self.patch_size

    @property
    def cls_index(self) -> int:
        """Place of the class token among the ``t h w + 1`` tokens."""
        t, h, w = self.grid
        return {"first": 0, "middle": t * h * w // 2, "last": t * h * w}[self.cls_position]

    @property
    def is_causal(self) -> bool:
        """Whether no frame's tokens depend on a later frame, nor on how long the video is.

        Both directions then go forward over frames (``backward_order="spatial"``), the class token reads what they have
        seen (``cls_position="last"``), and positions are not resized with the length (``none`` or ``sinusoidal``).
        """
        fixed = self.pos_embed in ("none", "sinusoidal")
        return self.backward_order == "spatial" and self.cls_position == "last" and fixed


@dataclass(frozen=True)
class DetectorConfig(VideoMambaConfig):
    """A VideoMamba that names the actions in boxes (supplement, S8).

    Attributes:
        dropout: before the classifier.
        roi_size: cells of a box's features along height and along width.
    """

    num_classes: int = 80
    dropout: float = 0.5
    roi_size: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("num_classes", self.num_classes, at_least=1)
        check_int("roi_size", self.roi_size, at_least=1)
        check_fraction("dropout", self.dropout)

    @property
    def backbone(self) -> VideoMambaConfig:
        """Of the network without a head that makes the map of features."""
        own = {field.name: getattr(self, field.name) for field in fields(VideoMambaConfig)}
        return VideoMambaConfig(**{**own, "num_classes": 0})


@dataclass(frozen=True)
class VideoSwinConfig:
    """Video Swin (arXiv 2106.13230), the baseline of the paper: torchvision's ``swin3d_t``.

    Attributes:
        num_frames: T; any length will do.
        img_size: height and width in pixels, or one number for both; any size will do.
        num_classes: outputs of the head.
        drop_path_rate: stochastic depth of the last block.
    """

    num_frames: int = 32
    img_size: int | tuple[int, int] = 224
    num_classes: int = 400
    drop_path_rate: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "img_size", _sides(self.img_size))
        for name in ("num_frames", "num_classes"):
            check_int(name, getattr(self, name), at_least=1)
        check_fraction("drop_path_rate", self.drop_path_rate)

    @property
    def height_width(self) -> tuple[int, int]:
        """Of the input, in pixels."""
        return (self.img_size, self.img_size) if isinstance(self.img_size, int) else self.img_size


@dataclass(frozen=True)
class CustomConfig:
    """A user's own module: what is known of it.

    Attributes:
        module: name of its class.
        num_classes: outputs.
    """

    module: str
    num_classes: int

    def __post_init__(self) -> None:
        if not isinstance(self.module, str):
            raise UserError(f"module={self.module!r}; it must be the name of a class")
        check_int("num_classes", self.num_classes, at_least=1)


ModelConfig = VideoMambaConfig | VideoSwinConfig | SegmenterConfig | CustomConfig
C = TypeVar("C", bound=ModelConfig)


def from_json(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """A configuration of the given dataclass, of an object in a JSON file.

    Raises:
        UserError: keys that it does not have, or lacks; values that no model can have.
    """
    check_known(f"{kind.__name__} field", values, kind)
    missing = [f.name for f in fields(kind) if f.name not in values and f.default is MISSING]
    if missing:
        raise UserError(f"{kind.__name__} field {', '.join(missing)} is missing")
    return kind(**values)


def fitted_config(config: C, **changes: Any) -> C:
    """The configuration with some fields changed.

    Raises:
        UserError: a field that is not there, or a value that no model can have.
    """
    check_known("option", changes, type(config))
    return replace(config, **changes)


def _sides(size: Any) -> int | tuple[int, int]:
    """A height and width as they come, also from JSON, checked.

    Raises:
        UserError: neither one number nor two.
    """
    if isinstance(size, list | tuple) and len(size) == 2:
        for pixels in size:
            check_int("img_size", pixels, at_least=1)
        return (size[0], size[1])
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise UserError(f"img_size={size!r}; give one number, or height and width, each at least 1")
    return size
