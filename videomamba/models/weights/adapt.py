"""A checkpoint adapted to another configuration: more frames, other sizes, an image model's to a video model."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.architectures import name_of, tensors_of
from videomamba.models.config import CustomConfig, DetectorConfig, ModelConfig, VideoMambaConfig, VideoSwinConfig
from videomamba.models.weights.checkpoint import Checkpoint, check_tensors, first_names
from videomamba.nn.position import LEARNED_KINDS, from_image_table, initial_table, resize_table
from videomamba.preprocessing import Preprocessing

Inflation = Literal["mean", "centre"]
INFLATIONS: tuple[str, ...] = get_args(Inflation)

_BACKBONE = ("embed_dim", "depth", "patch_size", "d_state", "d_conv", "expand")
_REPEATED = ("depth", "num_layers", "num_decoders", "num_refinements", "num_refinement_layers")
_LARGEST = 2**31
_POSITIONS, _PATCHES, _PREFIX = "pos_embed", "patch_embed.proj.weight", "backbone."


def adapt(checkpoint: Checkpoint, config: ModelConfig, *, inflation: str = "mean") -> Checkpoint:
    """The checkpoint for a model of another configuration; what must start afresh is left out of its weights.

    A head for other classes starts afresh; a detector takes a recognition model's backbone; VideoMamba's positions and
    patches are fitted; of other models stays what has the same shape in both.

    Args:
        checkpoint: whole weights of its own configuration.
        config: of the model to be.
        inflation: how an image model's patch kernel becomes a tubelet's, see :func:`fit_patches`.

    Raises:
        UserError: weights of another model than the checkpoint's configuration, or that cannot be fitted.
    """
    check_inflation(inflation)
    old = checkpoint.config
    if isinstance(old, CustomConfig):
        raise UserError(
            f"{checkpoint.path} holds {old.module}: make that module and use CustomModel.load(path, module)"
        )
    if type(config) is not type(old) and not (type(config) is DetectorConfig and type(old) is VideoMambaConfig):
        raise UserError(f"{checkpoint.path} is no {name_of(config)} but {name_of(old)}")
    check_tensors(checkpoint, _described(checkpoint))
    weights = _learnt(checkpoint.weights)
    if config == old:
        return dataclasses.replace(checkpoint, weights=weights)
    same_classes = type(config) is type(old) and config.num_classes == old.num_classes
    if isinstance(old, VideoMambaConfig) and isinstance(config, VideoMambaConfig):
        weights = _fit_videomamba(weights, old, config, inflation=inflation)
    expected, of_classes = _learnt(tensors_of(config)), class_axes(config)
    kept = {
        name: value
        for name, value in weights.items()
        if name in expected and value.shape == expected[name].shape and (same_classes or name not in of_classes)
    }
    fresh = sorted(expected.keys() - kept.keys() - of_classes.keys())
    notes = (f"{len(fresh)} tensors start afresh, as the checkpoint has none like them: {first_names(fresh)}",)
    return dataclasses.replace(
        checkpoint,
        notes=(*checkpoint.notes, *(notes if fresh else ())),
        config=config,
        weights=kept,
        class_names=checkpoint.class_names if same_classes else None,
        preprocessing=_fitted_preprocessing(checkpoint.preprocessing, old, config),
    )


def check_inflation(inflation: str) -> None:
    """
    Raises:
        UserError: it is none.
    """
    if inflation not in INFLATIONS:
        raise UserError(f"unknown inflation {inflation!r}; choose one of {', '.join(INFLATIONS)}")


def class_axes(config: ModelConfig) -> dict[str, int]:
    """Tensors of a model that have an axis of classes, and which one it is."""
    if isinstance(config, VideoMambaConfig):  # blocks have no classes, and take long to build
        config = dataclasses.replace(config, depth=1)
    other = tensors_of(dataclasses.replace(config, num_classes=config.num_classes + 1))
    return {
        name: next(axis for axis, size in enumerate(value.shape) if size != other[name].shape[axis])
        for name, value in tensors_of(config).items()
        if value.shape != other[name].shape
    }


def _learnt(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but whole numbers, such as Video Swin's indices, which follow from the configuration."""
    return {name: value for name, value in tensors.items() if value.is_floating_point()}


def _described(checkpoint: Checkpoint) -> Mapping[str, Tensor]:
    """The tensors that the configuration describes."""
    file, config = checkpoint.path, checkpoint.config
    for name in _REPEATED:  # a damaged number of layers would take for ever to build
        if getattr(config, name, 0) > len(checkpoint.weights):
            raise UserError(f"{file} has {len(checkpoint.weights)} tensors: too few for {name}={getattr(config, name)}")
    sizes = [getattr(config, field.name) for field in dataclasses.fields(config)]
    sizes += [*config.height_width] if isinstance(config, VideoMambaConfig | VideoSwinConfig) else []
    try:
        if max(size for size in sizes if isinstance(size, int)) > _LARGEST:
            raise OverflowError("a number above 2**31")
        return tensors_of(config)
    except (RuntimeError, OverflowError) as error:  # PyTorch counts elements in 64 bits
        reason = str(error).splitlines()[0]
        raise UserError(f"{file}: the configuration beside it is of a model that is too large ({reason})") from error


def _fitted_preprocessing(preprocessing: Any, old: ModelConfig, new: ModelConfig) -> Any:
    """At the configuration's frames and size where these are others."""
    videos = VideoMambaConfig | VideoSwinConfig
    if not isinstance(preprocessing, Preprocessing) or not isinstance(old, videos) or not isinstance(new, videos):
        return preprocessing
    if (new.num_frames, new.height_width) != (old.num_frames, old.height_width):
        preprocessing = preprocessing.at_input(new.num_frames, new.height_width)
    if type(old) is not type(new) and preprocessing.stride is None:
        # a detector looks around one moment, not over the whole video
        preprocessing = dataclasses.replace(preprocessing, stride=4)
    return preprocessing


def _fit_videomamba(
    weights: Mapping[str, Tensor], old: VideoMambaConfig, new: VideoMambaConfig, *, inflation: str
) -> dict[str, Tensor]:
    """
    Raises:
        UserError: the two differ in what no fitting can change, such as the width; the line names it.
    """
    for name in _BACKBONE:
        has, wants = getattr(old, name), getattr(new, name)
        if has != wants:
            raise UserError(f"the checkpoint has {name}={has} and cannot be fitted to {name}={wants}")
    before, after = (_PREFIX if isinstance(config, DetectorConfig) else "" for config in (old, new))
    fitted = {n if n.startswith("head.") else n.removeprefix(before): value for n, value in weights.items()}
    fitted[_PATCHES] = fit_patches(fitted[_PATCHES], new.tubelet_size, inflation)
    positions = fit_positions(fitted.pop(_POSITIONS, None), old, new)
    if positions is not None:
        fitted[_POSITIONS] = positions
    return {n if n.startswith("head.") else after + n: value for n, value in fitted.items()}


def fit_patches(kernel: Tensor, tubelet_size: int, inflation: str = "mean") -> Tensor:
    """A (d, 3, k, p, p) kernel for tubelets of another length, so that a still video gives the same tokens.

    The kernel is spread over time: each new frame gets the part of the old ones that it overlaps. From an image's
    k = 1 that is the mean inflation, the kernel repeated and divided by the tubelet's length; ``centre`` puts it into
    the middle frame, index ``tubelet_size // 2``, as OpenGVLab's code does, and zeros elsewhere.

    Raises:
        UserError: unknown ``inflation``.
    """
    check_inflation(inflation)
    length = kernel.shape[2]
    if length == tubelet_size:
        return kernel
    share = torch.zeros(tubelet_size, length, dtype=torch.float64)
    if inflation == "centre" and length == 1:
        share[tubelet_size // 2] = 1
    else:
        new = torch.arange(tubelet_size + 1, dtype=torch.float64) / tubelet_size
        old = torch.arange(length + 1, dtype=torch.float64) / length
        overlap = torch.minimum(new[1:, None], old[1:]) - torch.maximum(new[:-1, None], old[:-1])
        share = overlap.clamp(min=0) * length
    return torch.einsum("ij,dcjhw->dcihw", share.to(kernel), kernel).contiguous()


def fit_positions(positions: Tensor | None, old: VideoMambaConfig, new: VideoMambaConfig) -> Tensor | None:
    """Learned positions (1, L, d) on another grid, the class token's slot untouched at its new place.

    One frame's table becomes a video's in the way that ``new.pos_embed`` names (supplement, S4.2), where ``random``
    means a fresh table; a video's table is resized, bicubically in space and linearly in time. None where either model
    learns no positions.
    """
    if positions is None or new.pos_embed not in LEARNED_KINDS:
        return None
    slot, table = split_positions(positions, old)
    precise = table.float() if table.dtype != torch.float64 else table
    if old.grid[0] > 1 or new.grid[0] == 1:
        precise = resize_table(precise, new.grid)
    elif new.pos_embed == "random":
        precise = initial_table("random", new.grid, new.embed_dim)
    else:
        precise = from_image_table(new.pos_embed, precise[0], new.grid)
    return join_positions(slot, precise.to(table), new)


def split_positions(positions: Tensor, config: VideoMambaConfig) -> tuple[Tensor, Tensor]:
    """The class token's slot (1, d) and the (t, h, w, d) table of positions (1, L, d)."""
    index = config.cls_index
    patches = torch.cat([positions[0, :index], positions[0, index + 1 :]])
    return positions[0, index : index + 1], patches.unflatten(0, config.grid)


def join_positions(slot: Tensor, table: Tensor, config: VideoMambaConfig) -> Tensor:
    """Positions (1, L, d) with the class token's slot (1, d) at its place in the (t, h, w, d) table."""
    patches, index = table.flatten(0, 2), config.cls_index
    return torch.cat([patches[:index], slot, patches[index:]])[None]
