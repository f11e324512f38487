"""The names people type, and what they stand for."""

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videomamba.errors import UserError
from videomamba.models.asformer import ASFormer
from videomamba.models.checkpoint import read_checkpoint
from videomamba.models.config import DetectorConfig, OwnConfig, VideoMambaConfig, VideoSwinConfig
from videomamba.models.detector import Detector
from videomamba.models.fit import Inflation, fitted_config
from videomamba.models.folder import Checkpoint
from videomamba.models.mstcn2 import MSTCN2
from videomamba.models.own import OwnModel
from videomamba.models.pretrained import PretrainedModel
from videomamba.models.segmenter_config import ASFormerConfig, MSTCN2Config
from videomamba.models.video_swin import VideoSwin
from videomamba.models.videomamba import VideoMamba
from videomamba.preprocessing import Preprocessing

NamedConfig = VideoMambaConfig | VideoSwinConfig | ASFormerConfig | MSTCN2Config

# width x depth as published for Vim and OpenGVLab's VideoMamba (tiny, small, middle); nano is ours, for a CPU and small
# clips: docs/experiments/demo.md
CATALOGUE: dict[str, NamedConfig] = {
    "videomamba_nano": VideoMambaConfig(embed_dim=128, depth=4, img_size=64, tubelet_size=4),
    "videomamba_tiny": VideoMambaConfig(embed_dim=192, depth=24),
    "videomamba_small": VideoMambaConfig(embed_dim=384, depth=24),
    "videomamba_middle": VideoMambaConfig(embed_dim=576, depth=32),
    # the same with a classifier of boxes
    "videomamba_nano_detector": DetectorConfig(embed_dim=128, depth=4, img_size=64, tubelet_size=4),
    "videomamba_tiny_detector": DetectorConfig(embed_dim=192, depth=24),
    "videomamba_small_detector": DetectorConfig(embed_dim=384, depth=24),
    "videomamba_middle_detector": DetectorConfig(embed_dim=576, depth=32),
    "video_swin_t": VideoSwinConfig(),
    # actions in every frame, from features of the frames; asformer_ssm is the paper's (supplement, Table S6)
    "asformer": ASFormerConfig(),
    # with the width, scale and drop path of Video Mamba Suite's block, without which it is below ASFormer on GTEA
    "asformer_ssm": ASFormerConfig(mixer="ssm_encoder", expand=1, layer_scale=1e-4, drop_path_rate=0.3),
    "mstcn2": MSTCN2Config(),
}
_CLASSES: dict[type, type[PretrainedModel]] = {
    VideoMambaConfig: VideoMamba,
    DetectorConfig: Detector,
    VideoSwinConfig: VideoSwin,
    ASFormerConfig: ASFormer,
    MSTCN2Config: MSTCN2,
    OwnConfig: OwnModel,
}


def list_models(pattern: str | None = None) -> list[str]:
    """Names that :func:`create_model` knows, those that match a shell pattern when one is given."""
    return [name for name in CATALOGUE if pattern is None or fnmatch.fnmatch(name, pattern)]


def model_config(name: str, **overrides: Any) -> NamedConfig:
    """The configuration that a name stands for, with some fields changed.

    Raises:
        UserError: unknown name or field, or a value that no model can have.
    """
    if name not in CATALOGUE:
        raise UserError(f"unknown model {name!r}; choose one of {', '.join(CATALOGUE)}")
    return fitted_config(CATALOGUE[name], **overrides)


def create_model(
    name: str,
    *,
    pretrained: str | Path | None = None,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    inflation: Inflation = "mean",
    **overrides: Any,
) -> Any:  # PretrainedModel; which one, the name says
    """A model of the catalogue, freshly initialised or with a checkpoint's weights fitted to it.

    Args:
        name: one of :func:`list_models`.
        pretrained: a model folder, a run folder, a checkpoint file of Vim or OpenGVLab's VideoMamba, or a Hub id. An
            image model becomes a video model as in the paper (supplement, S4.2): ``pos_embed`` names how its position
            table is carried over. The head stays where the classes are the same, or none are named.
        class_names: names of the outputs; they set ``num_classes`` unless it is given.
        preprocessing: kept with the model; by default the checkpoint's, or ImageNet statistics, at the model's frames
            and size.
        inflation: ``mean`` or ``centre``, see :func:`videomamba.models.fit.fit_patches`.
        overrides: fields of :class:`VideoMambaConfig`, such as ``num_frames=32`` or ``backward_order="temporal"``.

    Raises:
        UserError: unknown name or field, a value that no model can have, or a checkpoint that does not fit.
    """
    if class_names is not None:
        overrides.setdefault("num_classes", len(class_names))
    if pretrained is None:
        config = model_config(name, **overrides)
        kind: Any = _CLASSES[type(config)]
        return kind(config, class_names=class_names, preprocessing=preprocessing)
    if not isinstance(pretrained, str | Path):
        raise UserError(f"pretrained={pretrained!r}; the authors released no weights: give a checkpoint or a Hub id")
    checkpoint = read_checkpoint(pretrained)
    overrides.setdefault("num_classes", checkpoint.config.num_classes)
    config = model_config(name, **overrides)
    model = _CLASSES[type(config)].from_checkpoint(checkpoint, config, inflation=inflation)
    if class_names is not None:
        model.set_class_names(class_names)
    if preprocessing is not None:
        model.preprocessing = preprocessing
    return model.train()


def load_model(checkpoint: str | Path, *, inflation: Inflation = "mean", **overrides: Any) -> Any:
    """A trained model in evaluation mode; arguments of :meth:`PretrainedModel.from_pretrained`.

    Raises:
        UserError: nothing there, or files that do not make a model.
    """
    return model_of(read_checkpoint(checkpoint), inflation=inflation, **overrides)


def model_of(checkpoint: Checkpoint, *, inflation: Inflation = "mean", **overrides: Any) -> Any:
    """A checkpoint that was read as a model in evaluation mode; arguments and errors of :func:`load_model`."""
    config = fitted_config(checkpoint.config, **overrides)
    return _CLASSES[type(checkpoint.config)].from_checkpoint(checkpoint, config, inflation=inflation)
