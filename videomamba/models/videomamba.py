"""VideoMamba: tubelets, a class token, positions, blocks of ST-SSM, a norm, a linear head."""

import dataclasses
import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
import torch.fx
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videomamba.errors import UserError
from videomamba.models.architectures import architecture
from videomamba.models.config import VideoMambaConfig
from videomamba.models.timm_model import TimmModel
from videomamba.models.weights.adapt import fit_patches, fit_positions, join_positions
from videomamba.nn.block import Block
from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.nn.norm import RMSNorm
from videomamba.nn.order import backward_order
from videomamba.nn.patch import TubeletEmbed, with_class_token
from videomamba.nn.position import LEARNED_KINDS, initial_table
from videomamba.nn.stock import parameter_dtype
from videomamba.preprocessing import Preprocessing
from videomamba.shapes import Logits, Tokens, Video

_EPS = 1e-5


@architecture(VideoMambaConfig)
class VideoMamba(TimmModel):
    """VideoMamba (Park et al., ECCV 2024; supplement S4, Table S2), with timm's conventions.

    Args:
        config: the architecture, the paper's by default.
        class_names: of the outputs, in order.
        preprocessing: kept with the model; by default frames and size of the configuration.
        fields: of :class:`VideoMambaConfig`, instead of or on top of ``config``.

    Example:
        >>> model = videomamba.VideoMamba(num_frames=4, img_size=32, embed_dim=32, depth=2, num_classes=3)
        >>> model(torch.zeros(2, 3, 4, 32, 32)).shape
        torch.Size([2, 3])
        >>> model.delta_maps(torch.zeros(2, 3, 4, 32, 32)).shape  # (B, depth, 2 directions, t, h, w)
        torch.Size([2, 2, 2, 2, 2, 2])
    """

    config: VideoMambaConfig

    def __init__(
        self,
        config: VideoMambaConfig | None = None,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(config, class_names=class_names, preprocessing=preprocessing, **fields)
        config = self.config
        self.preprocessing = preprocessing or Preprocessing(num_frames=config.num_frames, size=config.height_width)
        self.grad_checkpointing = False
        dim = config.embed_dim
        self.patch_embed = self._patches()
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed: Tensor | None
        self._set_positions(self._initial_positions())
        blocks = nn.ModuleList(Block(dim, self._mixer(), norm_eps=_EPS) for _ in range(config.depth))
        self.blocks: Sequence[Block] = blocks  # type: ignore[assignment]
        self.norm = RMSNorm(dim, eps=_EPS) if config.final_norm else nn.Identity()
        self.head: nn.Module
        self._make_head(config.num_classes)
        self.order = self._order()
        self.set_drop_path_rate(config.drop_path_rate)
        self._init_weights()

    def forward(self, video: Video) -> Logits:
        """(B, 3, T, H, W) float video, normalised as ``preprocessing`` says, to (B, num_classes) logits."""
        return self.forward_head(self.forward_features(video))

    def forward_features(self, video: Video) -> Tokens:
        """(B, L, d) tokens after the last norm, the class token at ``config.cls_index``.

        Raises:
            UserError: the video's shape or dtype is not the model's.
        """
        tokens = self.embed(video)
        order = _beside(tokens, self.order)
        for block in self.blocks:
            tokens = self._run(block, tokens, order)
        return self.norm(tokens)

    def embed(self, video: Video) -> Tokens:
        """(B, L, d) tokens with class token and positions, before the first block."""
        return self._embed(video, self.config, self.pos_embed)

    def run_block(self, block: Block, tokens: Tokens) -> Tokens:
        """(B, L, d) tokens through one of the model's blocks."""
        return self._run(block, tokens, _beside(tokens, self.order))

    def forward_head(self, features: Tokens, pre_logits: bool = False) -> Tensor:
        """The class token of ``forward_features``' result, (B, d), through the head unless ``pre_logits``.

        The head runs in its weights' precision under autocast too: bfloat16 logits would be coarse, 0.03 at 10.
        """
        cls = features[:, self.config.cls_index]
        if pre_logits:
            return cls
        # not of cls, which is symbolic in a trace; PyTorch's meta device, where shapes are counted, knows no autocast
        kind = next(self.parameters()).device.type
        with torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext():
            logits: Tensor = self.head(cls.to(parameter_dtype(self.head, cls)))
        return logits

    def feature_map(self, video: Video) -> Tensor:
        """(B, d, t, h, w) features after the last norm, of a video of any length and size that tubelets divide.

        For another grid than the model's own the position table is resized on the fly, as :meth:`set_input_size` would;
        the model stays as it is.

        Raises:
            UserError: the video cannot be cut into tubelets.
        """
        config, positions, order = self._at_size(video)
        tokens = self._embed(video, config, positions)
        order = _beside(tokens, order)
        for block in self.blocks:
            tokens = self._run(block, tokens, order)
        return self.to_grid(self.norm(tokens), config)

    def delta_maps(self, video: Video) -> Tensor:
        """The step size of every layer and direction on the token grid: (B, depth, 2, t, h, w), float32.

        After softplus, mean over channels, class token left out; direction 0 is forward. Small values keep the past,
        large ones take in the token at hand (supplement, S2). Costs the projections once more, the usual path nothing.
        """
        tokens = self._embed(video, self.config, self.pos_embed)
        order = _beside(tokens, self.order)
        maps = []
        for block in self.blocks:
            maps.append(block.mixer.step_sizes(block.norm(tokens), order))
            tokens = self._run(block, tokens, order)
        return self.to_grid(torch.stack(maps, 1).flatten(1, 2).transpose(1, 2)).unflatten(1, (-1, 2))

    def to_grid(self, tokens: Tokens, config: VideoMambaConfig | None = None) -> Tensor:
        """(B, L, C) tokens without the class token, as (B, C, t, h, w), of the model's grid or another ``config``'s."""
        config = config or self.config
        index = config.cls_index
        patches = torch.cat([tokens[:, :index], tokens[:, index + 1 :]], 1)
        return patches.transpose(1, 2).unflatten(2, config.grid)

    def _make_head(self, num_classes: int) -> None:
        """None, for no classes, leaves the class token's features as they are."""
        if not num_classes:
            self.head = nn.Identity()
            return
        like = self.cls_token
        self.head = nn.Linear(self.embed_dim, num_classes, device=like.device, dtype=like.dtype)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    @torch.no_grad()
    def set_input_size(
        self,
        num_frames: int | None = None,
        img_size: int | tuple[int, int] | None = None,
        tubelet_size: int | None = None,
    ) -> None:
        """Takes videos of another length or size, or other tubelets, from now on; ``preprocessing`` follows.

        A learned position table is resized bicubically in space and linearly in time, its class slot untouched; one
        frame's becomes a video's in the way that ``config.pos_embed`` names. The patch kernel is spread over the new
        tubelet. Parameters that change are new objects: make optimisers afterwards.

        Raises:
            UserError: not divisible by the tubelet or the patch.
        """
        old = self.config
        self.config = new = dataclasses.replace(
            old,
            num_frames=old.num_frames if num_frames is None else num_frames,
            img_size=old.img_size if img_size is None else img_size,
            tubelet_size=old.tubelet_size if tubelet_size is None else tubelet_size,
        )
        self.preprocessing = self.preprocessing.at_input(new.num_frames, new.height_width)
        if new.tubelet_size != old.tubelet_size:
            kernel = fit_patches(self.patch_embed.proj.weight, new.tubelet_size)
            patches = self._patches().to(kernel)
            patches.load_state_dict({"proj.weight": kernel, "proj.bias": self.patch_embed.proj.bias})
            self.patch_embed = patches
        if self.pos_embed is not None:
            fitted = fit_positions(self.pos_embed.detach(), old, new)
            self._set_positions(self._initial_positions() if fitted is None else fitted)
        self.order = self._order()

    def set_drop_path_rate(self, rate: float) -> None:
        """Stochastic depth that grows linearly from 0 at the first block to ``rate`` at the last."""
        self.config = dataclasses.replace(self.config, drop_path_rate=rate)
        for i, block in enumerate(self.blocks):
            block.drop_path.p = rate * i / max(1, len(self.blocks) - 1)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep only the tokens between blocks for the backward pass and compute each block again."""
        self.grad_checkpointing = enable

    def freeze(self, blocks: int | None = None) -> None:
        """No gradients, and no stochastic depth, in the stem and the first blocks; None: in all but the head.

        Raises:
            UserError: there are not so many blocks.
        """
        depth = len(self.blocks)
        if blocks is not None and not 0 <= blocks <= depth:
            raise UserError(f"cannot freeze {blocks} blocks; this model has {depth}")
        frozen = set(self.blocks[:blocks])
        for module in (self.patch_embed, *frozen, *([self.norm] if blocks is None else [])):
            module.requires_grad_(False)
        for parameter in (self.cls_token, self.pos_embed):
            if isinstance(parameter, nn.Parameter):
                parameter.requires_grad_(False)
        for block in frozen:
            block.drop_path.p = 0.0
        if self.blocks[-1] in frozen:
            self.config = dataclasses.replace(self.config, drop_path_rate=0.0)

    def _patches(self) -> TubeletEmbed:
        c = self.config
        return TubeletEmbed(c.embed_dim, c.tubelet_size, c.patch_size, c.patch_stride)

    def _mixer(self) -> SpatioTemporalSSM:
        c = self.config
        return SpatioTemporalSSM(
            c.embed_dim, state_dim=c.d_state, conv_kernel=c.d_conv, expand=c.expand, backend=c.backend
        )

    @torch.no_grad()
    def _init_weights(self) -> None:
        """Mamba's initialisation; each SelectiveSSM has set its own steps, A and D already, and they stay."""
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        for block in self.blocks:
            block.mixer.out_proj.weight.div_(math.sqrt(len(self.blocks)))  # the residual stream keeps its scale

    def _order(self) -> Tensor | None:
        """An attribute, no buffer, as sinusoidal positions are: always there, whoever makes, moves or loads the model.

        What makes a model on the meta device and fills it later leaves buffers that no file holds empty.
        """
        with torch.device("cpu"):
            return backward_order(self.config.backward_order, self.config.grid, self.config.cls_index)

    def _initial_positions(self) -> Tensor | None:
        """Fresh positions (1, L, d) with zeros in the class token's slot; None for a model without."""
        if self.config.pos_embed == "none":
            return None
        is_learned = self.config.pos_embed in LEARNED_KINDS
        with nullcontext() if is_learned else torch.device("cpu"):
            table = initial_table(self.config.pos_embed, self.config.grid, self.embed_dim)
            return join_positions(table.new_zeros(1, self.embed_dim), table, self.config)

    def _set_positions(self, positions: Tensor | None) -> None:
        if positions is not None and self.config.pos_embed in LEARNED_KINDS:
            positions = nn.Parameter(positions)
        self.pos_embed = positions

    def _at_size(self, video: Video) -> tuple[VideoMambaConfig, Tensor | None, Tensor | None]:
        """The configuration, positions and backward order for a video of this length and size."""
        if video.dim() != 5:
            raise UserError(f"video has shape {tuple(video.shape)}; expected (B, 3, T, H, W)")
        frames, height, width = video.shape[2:]
        config = dataclasses.replace(self.config, num_frames=frames, img_size=(height, width))
        if config.grid == self.config.grid:
            return config, self.pos_embed, self.order
        positions = None
        if self.config.pos_embed in LEARNED_KINDS:
            positions = fit_positions(self.pos_embed, self.config, config)
        elif self.pos_embed is not None:
            table = initial_table(config.pos_embed, config.grid, self.embed_dim).to(self.pos_embed)
            positions = join_positions(table.new_zeros(1, self.embed_dim), table, config)
        order = backward_order(config.backward_order, config.grid, config.cls_index)
        return config, positions, order

    def _embed(self, video: Video, config: VideoMambaConfig, positions: Tensor | None) -> Tokens:
        """Tokens with class token and positions, in float32 (float64 for a float64 model)."""
        _check_video(video, (3, config.num_frames, *config.height_width))
        cls_token = _at_least_float32(self.cls_token)
        return with_class_token(self.patch_embed(video), cls_token, config.cls_index, positions)

    def _run(self, block: Block, tokens: Tokens, order: Tensor | None) -> Tokens:
        if self.grad_checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(block, tokens, order, use_reentrant=False)
        return block(tokens, order)


def _check_video(video: Video, expected: tuple[int, ...]) -> None:
    if video.dim() != 5 or tuple(video.shape[1:]) != expected:
        raise UserError(
            f"video has shape {tuple(video.shape)}; this model takes (B, {', '.join(map(str, expected))}): "
            "resize the video or call set_input_size(num_frames, img_size)"
        )
    if not video.is_floating_point():
        raise UserError(f"video has dtype {video.dtype}; expected float, normalised as model.preprocessing says")


def _at_least_float32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _beside(tokens: Tokens, order: Tensor | None) -> Tensor | None:
    """The order on the tokens' device."""
    return None if order is None else order.to(tokens.device)


for _leaf in ("_check_video", "_at_least_float32"):
    torch.fx.wrap(_leaf)  # a node of its own in a symbolic trace, which cannot look inside
