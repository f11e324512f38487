"""timm's interface for a model made of a stem, blocks, a norm and a head, with five-axis inputs."""

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from videomamba.errors import UserError
from videomamba.models.config import VideoMambaConfig
from videomamba.models.pretrained import PretrainedModel
from videomamba.nn.block import Block
from videomamba.shapes import Tokens, Video


class TimmModel(PretrainedModel):
    """Features after chosen blocks, a shorter model, layers by depth, and facts under timm's names."""

    config: VideoMambaConfig
    blocks: Sequence[Block]
    norm: nn.Module
    head: nn.Module

    @abstractmethod
    def embed(self, video: Video) -> Tokens:
        """(B, 3, T, H, W) to the tokens (B, L, d) that the first block takes."""

    @abstractmethod
    def run_block(self, block: Block, tokens: Tokens) -> Tokens:
        """(B, L, d) tokens through one block."""

    @abstractmethod
    def to_grid(self, tokens: Tokens) -> Tensor:
        """(B, L, C) tokens without the class token, as (B, C, t, h, w)."""

    @property
    def embed_dim(self) -> int:
        return self.config.embed_dim

    num_features = head_hidden_size = embed_dim

    @property
    def default_cfg(self) -> dict[str, Any]:
        """Input, normalisation and names of layers, under timm's names; ``input_size`` is (3, T, H, W)."""
        clip = self.preprocessing
        return {
            "architecture": type(self).__name__,
            "num_classes": self.num_classes,
            "input_size": (3, clip.num_frames, *clip.size),
            "fixed_input_size": True,
            "pool_size": None,
            "mean": clip.mean,
            "std": clip.std,
            "first_conv": "patch_embed.proj",
            "classifier": "head",
        }

    pretrained_cfg = default_cfg

    @property
    def feature_info(self) -> list[dict[str, Any]]:
        """Of each block: channels, pixels from one token to the next, and the module's name."""
        stride = self.config.patch_stride or self.config.patch_size
        facts = {"num_chs": self.embed_dim, "reduction": stride}
        return [{**facts, "module": f"blocks.{i}"} for i in range(len(self.blocks))]

    def get_classifier(self) -> nn.Module:
        return self.head

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
        tokens = self.embed(video)
        taken = []
        for index, block in enumerate(self.blocks):
            if stop_early and index > max(wanted, default=-1):
                break
            tokens = self.run_block(block, tokens)
            if index in wanted:
                features = self.norm(tokens) if norm else tokens
                taken.append(self.to_grid(features) if output_fmt == "NCTHW" else features)
        return taken if intermediates_only else (self.norm(tokens), taken)

    def prune_intermediate_layers(
        self, indices: int | Sequence[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Removes the blocks after the last one that :meth:`forward_intermediates` is asked for with these indices.

        Args:
            indices: as of :meth:`forward_intermediates`.
            prune_norm: put nothing in the last norm's place.
            prune_head: leave the head out.

        Returns:
            The indices, from 0 on.

        Raises:
            UserError: an index that no block has.
        """
        wanted = sorted(self._block_indices(indices))
        if not wanted:
            raise UserError(f"indices={indices!r} name no block; at least one must stay")
        self.blocks = self.blocks[: wanted[-1] + 1]
        self.config = dataclasses.replace(
            self.config, depth=len(self.blocks), drop_path_rate=float(self.blocks[-1].drop_path.p)
        )
        if prune_norm:
            self.norm = nn.Identity()
            self.config = dataclasses.replace(self.config, final_norm=False)
        if prune_head:
            self.reset_classifier(0)
        return wanted

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
