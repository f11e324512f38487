"""VideoMamba: tubelets, a class token, positions, blocks of ST-SSM, a norm, a linear head."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import ModelHubMixin
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videomamba.models import folder
from videomamba.models.config import Preprocessing, VideoMambaConfig
from videomamba.nn.block import Block
from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.nn.norm import RMSNorm
from videomamba.nn.order import backward_order
from videomamba.nn.patch import TubeletEmbed
from videomamba.nn.position import LEARNED_KINDS, initial_table, resize_table
from videomamba.shapes import Logits, Tokens, Video

_EPS = 1e-5


class VideoMamba(
    nn.Module,
    ModelHubMixin,
    library_name="videomamba",
    license="apache-2.0",
    pipeline_tag="video-classification",
    paper_url="https://arxiv.org/abs/2407.08476",
):
    """VideoMamba (Park et al., ECCV 2024; supplement S4, Table S2), with timm's conventions.

    Attributes:
        config: the architecture, always that of the current weights.
        class_names: names of the outputs in order, or None.
        preprocessing: what a clip goes through before the model.
    """

    def __init__(
        self,
        config: VideoMambaConfig,
        *,
        class_names: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.class_names = None if class_names is None else tuple(class_names)
        self.preprocessing = preprocessing or Preprocessing(num_frames=config.num_frames, size=config.height_width)
        self.grad_checkpointing = False
        dim = config.embed_dim

        self.patch_embed = TubeletEmbed(dim, config.tubelet_size, config.patch_size)
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed: Tensor | None
        self._set_positions(initial_table(config.pos_embed, config.grid, dim) if config.pos_embed != "none" else None)
        blocks = nn.ModuleList(Block(dim, self._mixer(), norm_eps=_EPS) for _ in range(config.depth))
        self.blocks: Sequence[Block] = blocks  # type: ignore[assignment]
        self.norm = RMSNorm(dim, eps=_EPS)
        self.head: nn.Module
        self.reset_classifier(config.num_classes, self.class_names)
        self.order: Tensor | None
        self.register_buffer("order", self._order(), persistent=False)
        self.set_drop_path_rate(config.drop_path_rate)
        self._init_weights()

    @property
    def num_classes(self) -> int:
        return self.config.num_classes

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
            ValueError: the video's shape or dtype is not the model's.
        """
        tokens = self._embed(video)
        for block in self.blocks:
            tokens = self._run(block, tokens)
        return self.norm(tokens)

    def forward_head(self, features: Tokens, pre_logits: bool = False) -> Tensor:
        """The class token of ``forward_features``' result, (B, d), through the head unless ``pre_logits``.

        The head runs in its weights' precision under autocast too: bfloat16 logits would be coarse, 0.03 at 10.
        """
        cls = features[:, self.config.cls_index]
        if pre_logits:
            return cls
        with torch.autocast(cls.device.type, enabled=False):
            logits: Tensor = self.head(cls.to(next(self.head.parameters(), cls).dtype))
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
            ValueError: unknown ``output_fmt``, an index that no block has, or a video of another shape.
        """
        if output_fmt not in ("NCTHW", "NLC"):
            raise ValueError(f"unknown output_fmt {output_fmt!r}; choose NCTHW or NLC")
        wanted = self._block_indices(indices)
        tokens = self._embed(video)
        taken = []
        for index, block in enumerate(self.blocks):
            if stop_early and index > max(wanted, default=-1):
                break
            tokens = self._run(block, tokens)
            if index in wanted:
                features = self.norm(tokens) if norm else tokens
                taken.append(self.to_grid(features) if output_fmt == "NCTHW" else features)
        return taken if intermediates_only else (self.norm(tokens), taken)

    def delta_maps(self, video: Video) -> Tensor:
        """The step size of every layer and direction on the token grid: (B, depth, 2, t, h, w), float32.

        After softplus, mean over channels, class token left out; direction 0 is forward. Small values keep the past,
        large ones take in the token at hand (supplement, S2). Costs the projections once more, the usual path nothing.
        """
        tokens = self._embed(video)
        maps = []
        for block in self.blocks:
            maps.append(block.mixer.step_sizes(block.norm(tokens), self.order))
            tokens = block(tokens, self.order)
        return self.to_grid(torch.stack(maps, 1).flatten(1, 2).transpose(1, 2)).unflatten(1, (-1, 2))

    def to_grid(self, tokens: Tokens) -> Tensor:
        """(B, L, C) tokens without the class token, as (B, C, t, h, w)."""
        index = self.config.cls_index
        patches = torch.cat([tokens[:, :index], tokens[:, index + 1 :]], 1)
        return patches.transpose(1, 2).unflatten(2, self.config.grid)

    def get_classifier(self) -> nn.Module:
        return self.head

    def reset_classifier(self, num_classes: int, class_names: Sequence[str] | None = None) -> None:
        """A new head for another number of classes; 0 leaves the class token's features as they are.

        Raises:
            ValueError: the number of names is not ``num_classes``.
        """
        if class_names is not None and len(class_names) != num_classes:
            raise ValueError(f"{len(class_names)} class names for num_classes={num_classes}; give one name a class")
        self.config = dataclasses.replace(self.config, num_classes=num_classes)
        self.class_names = None if class_names is None else tuple(class_names)
        self.head = nn.Identity()
        if num_classes:
            like = self.cls_token
            self.head = nn.Linear(self.embed_dim, num_classes, device=like.device, dtype=like.dtype)
            nn.init.trunc_normal_(self.head.weight, std=0.02)
            nn.init.zeros_(self.head.bias)

    def set_input_size(self, num_frames: int | None = None, img_size: int | tuple[int, int] | None = None) -> None:
        """Takes videos of another length or size from now on: the position table is resized, the class slot untouched.

        ``preprocessing`` follows. A learned table is resized bicubically in space and linearly in time.

        Raises:
            ValueError: not divisible by the tubelet or the patch.
        """
        old = self.config
        self.config = dataclasses.replace(
            old, num_frames=num_frames or old.num_frames, img_size=img_size or old.img_size
        )
        self.preprocessing = dataclasses.replace(
            self.preprocessing, num_frames=self.config.num_frames, size=self.config.height_width
        )
        if self.pos_embed is not None:
            slots, table = self._slots(old)
            if old.pos_embed in LEARNED_KINDS:
                table = resize_table(table.float(), self.config.grid).to(table)
            else:
                table = initial_table(old.pos_embed, self.config.grid, self.embed_dim).to(table)
            self._set_positions(table, slots)
        order = self._order()
        self.order = None if order is None else order.to(self.cls_token.device)

    def set_drop_path_rate(self, rate: float) -> None:
        """Stochastic depth that grows linearly from 0 at the first block to ``rate`` at the last."""
        self.config = dataclasses.replace(self.config, drop_path_rate=rate)
        for block, p in zip(self.blocks, torch.linspace(0, rate, len(self.blocks)).tolist(), strict=True):
            block.drop_path.p = p

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep only the tokens between blocks for the backward pass and compute each block again."""
        self.grad_checkpointing = enable

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns that sort parameters into layers, as timm's layer-wise learning-rate decay reads them."""
        return {
            "stem": r"^cls_token|pos_embed|patch_embed",
            "blocks": [(r"^blocks\.(\d+)", None), (r"^norm\.", (99999,))],
        }

    def no_weight_decay(self) -> set[str]:
        """Parameters that no weight decay may touch: A, D, biases, norms, class token and position table."""
        named = ("A_log", "cls_token", "pos_embed")
        return {name for name, p in self.named_parameters() if p.ndim <= 1 or name.rsplit(".", 1)[-1] in named}

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
    ) -> Self:
        """The model that :meth:`save_pretrained` wrote to a folder, or that lies on the Hub under ``owner/name``.

        Raises:
            ValueError: nothing there, or files that do not make a model; one line says which and why.
        """
        path = folder.locate(
            pretrained_model_name_or_path,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            token=token,
        )
        config, class_names, preprocessing = folder.read_config(path)
        model = cls(config, class_names=class_names, preprocessing=preprocessing)
        folder.read_weights(path, model)
        return model.eval()

    def _save_pretrained(self, save_directory: Path) -> None:
        folder.write(save_directory, self, self.config, self.class_names, self.preprocessing)

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
        return backward_order(self.config.backward_order, self.config.grid, self.config.cls_index)

    def _set_positions(self, table: Tensor | None, cls_slot: Tensor | None = None) -> None:
        """Registers ``pos_embed`` (1, L, d) from a (t, h, w, d) table and the class token's slot (zeros when None)."""
        if table is None:
            self.pos_embed = None
            return
        patches = table.flatten(0, 2)
        slot = patches.new_zeros(1, patches.shape[1]) if cls_slot is None else cls_slot
        index = self.config.cls_index
        positions = torch.cat([patches[:index], slot, patches[index:]])[None]
        if self.config.pos_embed in LEARNED_KINDS:
            self.pos_embed = nn.Parameter(positions)
        else:
            self.register_buffer("pos_embed", positions, persistent=False)

    def _slots(self, config: VideoMambaConfig) -> tuple[Tensor, Tensor]:
        """The class token's slot (1, d) and the (t, h, w, d) table of the current ``pos_embed``."""
        assert self.pos_embed is not None
        positions, index = self.pos_embed.detach()[0], config.cls_index
        patches = torch.cat([positions[:index], positions[index + 1 :]])
        return positions[index : index + 1], patches.unflatten(0, config.grid)

    def _embed(self, video: Video) -> Tokens:
        """Tokens with class token and positions, in float32 (float64 for a float64 model)."""
        expected = (3, self.config.num_frames, *self.config.height_width)
        if video.dim() != 5 or tuple(video.shape[1:]) != expected:
            raise ValueError(
                f"video has shape {tuple(video.shape)}; this model takes (B, {', '.join(map(str, expected))}): "
                "resize the video or call set_input_size(num_frames, img_size)"
            )
        if not video.is_floating_point():
            raise ValueError(f"video has dtype {video.dtype}; expected float, normalised as model.preprocessing says")
        patches = self.patch_embed(video)
        dtype = torch.float64 if self.cls_token.dtype == torch.float64 else torch.float32
        cls = self.cls_token.to(dtype).expand(len(patches), -1, -1)
        index = self.config.cls_index
        tokens = torch.cat([patches[:, :index].to(dtype), cls, patches[:, index:].to(dtype)], 1)
        return tokens if self.pos_embed is None else tokens + self.pos_embed.to(dtype)

    def _run(self, block: Block, tokens: Tokens) -> Tokens:
        if self.grad_checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(block, tokens, self.order, use_reentrant=False)
        return block(tokens, self.order)

    def _block_indices(self, indices: int | Sequence[int] | None) -> set[int]:
        depth = len(self.blocks)
        if indices is None:
            return set(range(depth))
        if isinstance(indices, int):
            indices = range(depth - indices, depth)
        for index in indices:
            if not -depth <= index < depth:
                raise ValueError(f"there is no block {index}; this model has blocks 0 to {depth - 1}")
        return {index % depth for index in indices}
