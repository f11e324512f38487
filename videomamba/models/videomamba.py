"""VideoMamba: tubelets, a class token, positions, blocks of ST-SSM, a norm, a linear head."""

import dataclasses
import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Self

import torch
import torch.fx
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videomamba.errors import UserError
from videomamba.models.config import VideoMambaConfig
from videomamba.models.fit import Inflation, fit_patches, fit_positions, fit_weights, join_positions
from videomamba.models.folder import Checkpoint, check_tensors
from videomamba.models.pretrained import PretrainedModel, fitted_preprocessing
from videomamba.nn.block import Block
from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.nn.norm import RMSNorm
from videomamba.nn.order import backward_order
from videomamba.nn.patch import TubeletEmbed
from videomamba.nn.position import LEARNED_KINDS, initial_table
from videomamba.nn.stock import parameter_dtype
from videomamba.preprocessing import Preprocessing
from videomamba.shapes import Logits, Tokens, Video

_EPS = 1e-5


class VideoMamba(PretrainedModel):
    """VideoMamba (Park et al., ECCV 2024; supplement S4, Table S2), with timm's conventions."""

    config: VideoMambaConfig

    def __init__(
        self,
        config: VideoMambaConfig,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        own = Preprocessing(num_frames=config.num_frames, size=config.height_width)
        super().__init__(config, class_names=class_names, preprocessing=preprocessing or own)
        self.grad_checkpointing = False
        dim = config.embed_dim

        self.patch_embed = self._patches()
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed: Tensor | None
        self._set_positions(self._initial_positions())
        blocks = nn.ModuleList(Block(dim, self._mixer(), norm_eps=_EPS) for _ in range(config.depth))
        self.blocks: Sequence[Block] = blocks  # type: ignore[assignment]
        self.norm = RMSNorm(dim, eps=_EPS)
        self.head: nn.Module
        self._make_head(config.num_classes)
        self.order = self._order()
        self.set_drop_path_rate(config.drop_path_rate)
        self._init_weights()

    @property
    def embed_dim(self) -> int:
        return self.config.embed_dim

    num_features = embed_dim

    def forward(self, video: Video) -> Logits:
        """(B, 3, T, H, W) float video, normalised as ``preprocessing`` says, to (B, num_classes) logits."""
        return self.forward_head(self.forward_features(video))

    def forward_features(self, video: Video) -> Tokens:
        """(B, L, d) tokens after the last norm, the class token at ``config.cls_index``.

        Raises:
            UserError: the video's shape or dtype is not the model's.
        """
        tokens = self._embed(video, self.config, self.pos_embed)
        order = _beside(tokens, self.order)
        for block in self.blocks:
            tokens = self._run(block, tokens, order)
        return self.norm(tokens)

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

    def forward_intermediates(
        self,
        video: Video,
        indices: int | Sequence[int] | None = None,
        *,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCTHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Features after chosen blocks.

        Args:
            video: (B, 3, T, H, W).
            indices: blocks to take (negative from the end), the last n for a number, all for None.
            norm: put the last norm on each of them.
            stop_early: run no block after the last one asked for.
            output_fmt: ``NCTHW`` for patch tokens as (B, d, t, h, w), ``NLC`` for all tokens as (B, L, d).
            intermediates_only: leave out the final features.

        Returns:
            The list of intermediates, or ``(forward_features(video), list)``.

        Raises:
            UserError: unknown ``output_fmt``, an index that no block has, or a video of another shape.
        """
        if output_fmt not in ("NCTHW", "NLC"):
            raise UserError(f"unknown output_fmt {output_fmt!r}; choose NCTHW or NLC")
        wanted = self._block_indices(indices)
        tokens = self._embed(video, self.config, self.pos_embed)
        order = _beside(tokens, self.order)
        taken = []
        for index, block in enumerate(self.blocks):
            if stop_early and index > max(wanted, default=-1):
                break
            tokens = self._run(block, tokens, order)
            if index in wanted:
                features = self.norm(tokens) if norm else tokens
                taken.append(self.to_grid(features) if output_fmt == "NCTHW" else features)
        return taken if intermediates_only else (self.norm(tokens), taken)

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
            tokens = block(tokens, order)
        return self.to_grid(torch.stack(maps, 1).flatten(1, 2).transpose(1, 2)).unflatten(1, (-1, 2))

    def to_grid(self, tokens: Tokens, config: VideoMambaConfig | None = None) -> Tensor:
        """(B, L, C) tokens without the class token, as (B, C, t, h, w), of the model's grid or another ``config``'s."""
        config = config or self.config
        index = config.cls_index
        patches = torch.cat([tokens[:, :index], tokens[:, index + 1 :]], 1)
        return patches.transpose(1, 2).unflatten(2, config.grid)

    def get_classifier(self) -> nn.Module:
        return self.head

    def _make_head(self, num_classes: int) -> None:
        """None, for no classes, leaves the class token's features as they are."""
        self.head = nn.Identity()
        if num_classes:
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
            num_frames=num_frames or old.num_frames,
            img_size=img_size or old.img_size,
            tubelet_size=tubelet_size or old.tubelet_size,
        )
        self.preprocessing = dataclasses.replace(self.preprocessing, num_frames=new.num_frames, size=new.height_width)
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

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns that sort parameters into layers, as timm's layer-wise learning-rate decay reads them."""
        return {
            "stem": r"^(cls_token|pos_embed|patch_embed)",
            "blocks": [(r"^blocks\.(\d+)", None), (r"^norm\.", (99999,))],
        }

    def no_weight_decay(self) -> set[str]:
        """Parameters that no weight decay may touch: A, D, biases, norms, class token and position table."""
        named = ("A_log", "cls_token", "pos_embed")
        return {name for name, p in self.named_parameters() if p.ndim <= 1 or name.rsplit(".", 1)[-1] in named}

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

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, config: VideoMambaConfig | None = None, *, inflation: Inflation = "mean"
    ) -> Self:
        """The model of a checkpoint in evaluation mode, fitted to ``config`` if that is another one.

        Raises:
            UserError: weights of another model, or that cannot be fitted.
        """
        old = checkpoint.config
        if type(old) is not VideoMambaConfig:
            raise UserError(f"{checkpoint.path} is no VideoMamba but {type(old).__name__.removesuffix('Config')}")
        with torch.device("meta"):
            described = cls(old).state_dict()
        check_tensors(checkpoint, described)
        new = config or old
        weights = checkpoint.weights if new == old else fit_weights(checkpoint.weights, old, new, inflation=inflation)
        class_names = checkpoint.class_names if new.num_classes == old.num_classes else None
        model = cls(new, class_names=class_names, preprocessing=fitted_preprocessing(checkpoint, new))
        fresh, unknown = model.load_state_dict(weights, strict=False)
        assert not unknown
        assert set(fresh) <= {"pos_embed", "head.weight", "head.bias"}, fresh
        model.source = checkpoint.source
        return model.eval()

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
        patches = self.patch_embed(video)
        cls_token = _at_least_float32(self.cls_token)
        cls = cls_token.expand(patches.shape[0], -1, -1)  # no len(): that would make an exported batch a constant
        patches = patches.to(cls_token.dtype)
        index = config.cls_index
        tokens = torch.cat([patches[:, :index], cls, patches[:, index:]], 1)
        return tokens if positions is None else tokens + positions.to(tokens)

    def _run(self, block: Block, tokens: Tokens, order: Tensor | None) -> Tokens:
        if self.grad_checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(block, tokens, order, use_reentrant=False)
        return block(tokens, order)

    def _block_indices(self, indices: int | Sequence[int] | None) -> set[int]:
        depth = len(self.blocks)
        if indices is None:
            return set(range(depth))
        if isinstance(indices, int):
            indices = range(depth - indices, depth)
        for index in indices:
            if not -depth <= index < depth:
                raise UserError(f"there is no block {index}; this model has blocks 0 to {depth - 1}")
        return {index % depth for index in indices}


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
