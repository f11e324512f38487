"""Models by name."""

import dataclasses
import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

from videomamba.errors import UserError
from videomamba.models.architectures import ARCHITECTURES, name_of
from videomamba.models.config import DetectorConfig, VideoMambaConfig, VideoSwinConfig, fitted_config
from videomamba.models.detector import Detector
from videomamba.models.pretrained import PretrainedModel
from videomamba.models.segmenter import Segmenter
from videomamba.models.segmenter_config import ASFormerConfig, MSTCN2Config
from videomamba.models.video_swin import VideoSwin
from videomamba.models.videomamba import VideoMamba
from videomamba.models.weights.adapt import Inflation, check_inflation
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.models.weights.readers import read_checkpoint

NamedConfig = VideoMambaConfig | VideoSwinConfig | ASFormerConfig | MSTCN2Config
VideoMambaName = Literal[
    "videomamba_nano",
    "videomamba_tiny",
    "videomamba_small",
    "videomamba_middle",
    "videomamba_nano_causal",
    "videomamba_small_causal",
]
DetectorName = Literal[
    "videomamba_nano_detector", "videomamba_tiny_detector", "videomamba_small_detector", "videomamba_middle_detector"
]
SegmenterName = Literal["asformer", "asformer_ssm", "mstcn2"]
# no frame sees a later one, so that a video is stepped through exactly: docs/live.md
CAUSAL: dict[str, Any] = {"backward_order": "spatial", "cls_position": "last", "pos_embed": "none"}
Start = str | Path | Checkpoint | Literal[False] | None

# width x depth as published for Vim and OpenGVLab's VideoMamba (tiny, small, middle); nano is ours, for a CPU and small
# clips: docs/experiments/demo.md
CATALOGUE: dict[str, NamedConfig] = {
    "videomamba_nano": VideoMambaConfig(embed_dim=128, depth=4, img_size=64, tubelet_size=4),
    "videomamba_tiny": VideoMambaConfig(embed_dim=192, depth=24),
    "videomamba_small": VideoMambaConfig(embed_dim=384, depth=24),
    "videomamba_middle": VideoMambaConfig(embed_dim=576, depth=32),
    "videomamba_nano_causal": VideoMambaConfig(embed_dim=128, depth=4, img_size=64, tubelet_size=4, **CAUSAL),
    "videomamba_small_causal": VideoMambaConfig(embed_dim=384, depth=24, **CAUSAL),
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


def list_models(pattern: str | None = None) -> list[str]:
    """Names that :func:`create_model` knows, those that match a shell pattern when one is given.

    Example:
        >>> videomamba.list_models("*small*")
        ['videomamba_small', 'videomamba_small_causal', 'videomamba_small_detector']
    """
    return [name for name in CATALOGUE if pattern is None or fnmatch.fnmatch(name, pattern)]


def model_config(name: str, **overrides: Any) -> NamedConfig:
    """The configuration that a name stands for, with some fields changed; None leaves a field as it is.

    Raises:
        UserError: unknown name or field, or a value that no model can have.
    """
    if name not in CATALOGUE:
        raise UserError(f"unknown model {name!r}; choose one of {', '.join(CATALOGUE)}")
    config = CATALOGUE[name]
    may_be_none = {field.name for field in dataclasses.fields(config) if field.default is None}
    given = {key: value for key, value in overrides.items() if value is not None or key in may_be_none}
    return fitted_config(config, **given)


@overload
def create_model(name: VideoMambaName, pretrained: Start = None, **options: Any) -> VideoMamba: ...
@overload
def create_model(name: DetectorName, pretrained: Start = None, **options: Any) -> Detector: ...
@overload
def create_model(name: Literal["video_swin_t"], pretrained: Start = None, **options: Any) -> VideoSwin: ...
@overload
def create_model(name: SegmenterName, pretrained: Start = None, **options: Any) -> Segmenter: ...
@overload
def create_model(name: str, pretrained: Start = None, **options: Any) -> PretrainedModel: ...
def create_model(
    name: str,
    pretrained: Start = None,
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: Any = None,
    inflation: Inflation = "mean",
    **overrides: Any,
) -> PretrainedModel:
    """A model of the catalogue, freshly initialised or with a checkpoint's weights fitted to it.

    Args:
        name: one of :func:`list_models`.
        pretrained: a model folder, a run folder, a checkpoint file of another code base, a published name, a Hub id, or
            what :func:`read_checkpoint` read; None or False for none. An image model becomes a video model as in the
            paper (supplement, S4.2): ``pos_embed`` names how its position table is carried over. The head stays where
            the classes are the same, or none are named.
        class_names: names of the outputs; they set ``num_classes`` unless it is given.
        preprocessing: kept with the model; by default the checkpoint's, or ImageNet statistics, at the model's frames
            and size.
        inflation: ``mean`` or ``centre``, see :func:`videomamba.models.weights.adapt.fit_patches`.
        overrides: fields of the configuration, such as ``num_frames=32`` or ``backward_order="temporal"``; None leaves
            a field as it is.

    Raises:
        UserError: unknown name or field, a value that no model can have, or a checkpoint that does not fit.

    Example:
        >>> model = videomamba.create_model("videomamba_nano", num_frames=8, num_classes=10)
        >>> model(torch.zeros(1, 3, 8, 64, 64)).shape
        torch.Size([1, 10])
    """
    check_inflation(inflation)
    if class_names is not None:
        overrides.setdefault("num_classes", len(class_names))
    if pretrained is None or pretrained is False:
        config = model_config(name, **overrides)
        return model_class(config)(config, class_names=class_names, preprocessing=preprocessing)
    if not isinstance(pretrained, str | Path | Checkpoint):
        raise UserError(
            f"pretrained={pretrained!r}; the authors released no weights: give a checkpoint, a Hub id, or one of the "
            "names that `videomamba models --pretrained` lists"
        )
    checkpoint = pretrained if isinstance(pretrained, Checkpoint) else read_checkpoint(pretrained)
    if overrides.get("num_classes") is None:
        overrides["num_classes"] = checkpoint.config.num_classes
    config = model_config(name, **overrides)
    model = model_class(config).from_checkpoint(checkpoint, config, inflation=inflation)
    if class_names is not None:
        model.notes = (*model.notes, model.set_class_names(class_names))
    if preprocessing is not None:
        model.preprocessing = preprocessing
    return model.train()


def load_model(checkpoint: str | Path, *, inflation: Inflation = "mean", **overrides: Any) -> PretrainedModel:
    """A trained model in evaluation mode; arguments of :meth:`PretrainedModel.from_pretrained`.

    Args:
        checkpoint: a model folder, a run folder (its ``best/``), a Hub id, a file of another code base, or a published
            name such as ``videomamba_s16_k400_f16_res224`` (`videomamba models --pretrained` lists them).
        inflation: how an image model's patch kernel becomes a tubelet's.
        overrides: fields of the configuration that are to differ from the checkpoint's.

    Raises:
        UserError: nothing there, or files that do not make a model.

    Example:
        >>> model = videomamba.load_model("runs/mine", num_frames=16)
        >>> model.class_names
        ('blue', 'green', 'red')
    """
    return model_of(read_checkpoint(checkpoint), inflation=inflation, **overrides)


def model_of(checkpoint: Checkpoint, *, inflation: Inflation = "mean", **overrides: Any) -> PretrainedModel:
    """A checkpoint that was read, as a model in evaluation mode; arguments and errors of :func:`load_model`."""
    config = fitted_config(checkpoint.config, **overrides)
    return model_class(config).from_checkpoint(checkpoint, config, inflation=inflation)


def model_class(config: Any) -> type[PretrainedModel]:
    """The class of the models that a configuration describes."""
    kind: type[PretrainedModel] = ARCHITECTURES[name_of(config)].model
    return kind
