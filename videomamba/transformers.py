"""transformers' classes over this package's model; importing this module registers them with its ``Auto`` classes.

The folders are this package's own: what ``save_pretrained`` of either side writes, both sides read. Clips are
``pixel_values_videos`` (B, T, 3, H, W), normalised as the folder's ``preprocessing`` says.

Example:
    >>> import videomamba.transformers
    >>> from transformers import AutoModelForVideoClassification, AutoVideoProcessor
    >>> classifier = AutoModelForVideoClassification.from_pretrained("models/k400")
    >>> processor = AutoVideoProcessor.from_pretrained("models/k400")
    >>> classifier(**processor("clip.mp4", return_tensors="pt")).logits.shape
    torch.Size([1, 3])
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from videomamba.data import eval_transform
from videomamba.errors import UserError
from videomamba.inference.source import model_input
from videomamba.models import VideoMamba
from videomamba.models import VideoMambaConfig as Architecture
from videomamba.models.config import from_json
from videomamba.models.weights import folder
from videomamba.preprocessing import Preprocessing
from videomamba.shapes import Logits

try:
    from transformers import (
        AutoConfig,
        AutoModelForVideoClassification,
        AutoVideoProcessor,
        BatchFeature,
        PreTrainedConfig,
        PreTrainedModel,
        initialization,
    )
    from transformers.modeling_outputs import ImageClassifierOutput
    from transformers.video_processing_utils import BaseVideoProcessor
    from transformers.video_utils import make_batched_videos
except ImportError as error:
    raise UserError(
        f'videomamba.transformers needs transformers 5 or newer ({error}): pip install "videomamba[transformers]"'
    ) from error

_PREFIX = "videomamba."


class VideoMambaConfig(PreTrainedConfig):
    """A folder's ``config.json``; transformers' ``id2label`` and ``num_labels`` decide the classes.

    Args:
        model: fields of :class:`videomamba.models.VideoMambaConfig`.
        preprocessing: fields of :class:`videomamba.Preprocessing`; by default frames and size of the model.
        class_names: of the outputs in order, or None.
        source, license: of the weights, see :class:`videomamba.models.PretrainedModel`.
        architecture: of the folder; only ``VideoMamba`` is a video classifier here.
        kwargs: transformers' own, such as ``num_labels``, ``id2label``, ``problem_type``.

    Raises:
        UserError: another architecture, or a value that no model can have.
    """

    model_type = "videomamba"

    def __init__(
        self,
        model: Mapping[str, Any] | None = None,
        preprocessing: Mapping[str, Any] | None = None,
        class_names: list[str] | None = None,
        source: str | None = None,
        license: str | None = None,
        architecture: str = "VideoMamba",
        **kwargs: Any,
    ) -> None:
        if architecture != "VideoMamba":
            raise UserError(f"architecture={architecture!r}; transformers' classes are there for VideoMamba only")
        ours = from_json(Architecture, model or {})
        usual = Preprocessing(num_frames=ours.num_frames, size=ours.height_width)
        clip = usual if preprocessing is None else from_json(Preprocessing, preprocessing)
        self.architecture, self.source, self.license = architecture, source, license
        self.model, self.preprocessing = dataclasses.asdict(ours), dataclasses.asdict(clip)
        if kwargs.get("id2label") is None and kwargs.get("num_labels") is None:
            names = class_names or [f"LABEL_{i}" for i in range(ours.num_classes)]
            kwargs |= {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
        super().__init__(**kwargs)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Of ``id2label``; None where transformers numbered them."""
        names = tuple(self.id2label[i] for i in range(self.num_labels))
        return None if all(name == f"LABEL_{i}" for i, name in enumerate(names)) else names

    @property
    def ours(self) -> Architecture:
        """The architecture, with as many classes as there are labels."""
        return from_json(Architecture, {**self.model, "num_classes": self.num_labels})

    @property
    def num_frames(self) -> int:
        return self.ours.num_frames

    @property
    def hidden_size(self) -> int:
        return self.ours.embed_dim

    @property
    def num_hidden_layers(self) -> int:
        return self.ours.depth

    def to_dict(self) -> dict[str, Any]:
        """With the names and number of classes also as this package reads them."""
        names = self.class_names
        ours = {"model": dataclasses.asdict(self.ours), "class_names": None if names is None else list(names)}
        return {**super().to_dict(), **ours}


class VideoMambaVideoProcessor(BaseVideoProcessor):
    """Clips as :func:`videomamba.predict` takes and prepares them.

    Args:
        preprocessing: fields of :class:`videomamba.Preprocessing`; a model folder's ``config.json`` has them.
    """

    def __init__(self, preprocessing: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preprocessing = from_json(Preprocessing, preprocessing or {})

    def preprocess(
        self,
        videos: Any,
        num_frames: int | None = None,
        do_sample_frames: bool | None = None,
        return_tensors: str | None = None,
    ) -> BatchFeature:
        """``pixel_values_videos``: (B, T, 3, H, W) float32.

        Args:
            videos: path of a video file, frames (T, H, W, 3) or (T, 3, H, W) uint8, or a list of these.
            num_frames: of a clip; by default the model's.
            do_sample_frames: as transformers calls it. Files are always sampled; so are frames, unless they are as many
                as a clip has.
            return_tensors: of transformers, such as ``pt``.

        Raises:
            VideoError: a file that cannot be read.
            UserError: frames of another shape or dtype.
        """
        p = self.preprocessing
        if num_frames is not None:
            p = dataclasses.replace(p, num_frames=num_frames)
        paths = [videos] if isinstance(videos, Path) else videos
        if isinstance(paths, list):
            paths = [str(item) if isinstance(item, Path) else item for item in paths]
        if isinstance(paths, list) and (not paths or any(isinstance(item, list) and not item for item in paths)):
            raise UserError("no video given; name a file, or give frames (T, H, W, 3) or (T, 3, H, W) uint8")
        clips = [_clip(video, p) for video in make_batched_videos(paths)]
        return BatchFeature({"pixel_values_videos": torch.stack(clips).transpose(1, 2)}, tensor_type=return_tensors)

    def to_dict(self) -> dict[str, Any]:
        return {"video_processor_type": type(self).__name__, "preprocessing": dataclasses.asdict(self.preprocessing)}

    @classmethod
    def get_video_processor_dict(cls, name: Any, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """transformers', completed by the model folder's ``config.json``."""
        download = {key: kwargs[key] for key in ("cache_dir", "revision", "token", "local_files_only") if key in kwargs}
        values, rest = super().get_video_processor_dict(name, **kwargs)
        if "preprocessing" not in values:
            config, _ = VideoMambaConfig.get_config_dict(name, **download)
            values["preprocessing"] = config["preprocessing"]
        return values, rest


def _clip(video: Any, preprocessing: Preprocessing) -> Tensor:
    """(3, T, H, W) of a path, or of frames (T, H, W, 3) or (T, 3, H, W)."""
    if isinstance(video, str):
        return model_input(video, preprocessing)[0]
    frames = torch.as_tensor(video)
    if frames.dim() == 4 and frames.shape[1] != 3 and frames.shape[-1] == 3:
        frames = frames.permute(0, 3, 1, 2).contiguous()
    if frames.dtype == torch.uint8 and frames.dim() == 4 and len(frames) == preprocessing.num_frames:
        return eval_transform(preprocessing)(frames)
    return model_input(frames, preprocessing)[0]


class VideoMambaForVideoClassification(PreTrainedModel):
    """:class:`videomamba.VideoMamba` as transformers' ``Trainer``, pipelines and PEFT take a model.

    Attributes:
        videomamba: the model.
    """

    config_class = VideoMambaConfig
    base_model_prefix = _PREFIX.rstrip(".")
    main_input_name = "pixel_values_videos"
    input_modalities = ("video",)
    supports_gradient_checkpointing = True
    _no_split_modules = ("Block",)

    def __init__(self, config: VideoMambaConfig) -> None:
        super().__init__(config)
        self.videomamba = VideoMamba(config.ours, preprocessing=Preprocessing(**config.preprocessing))
        self.register_load_state_dict_pre_hook(_with_prefix)
        self.post_init()

    def forward(
        self,
        pixel_values_videos: Tensor,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> ImageClassifierOutput | tuple[Any, ...]:
        """Logits, and with ``labels`` the loss.

        Args:
            pixel_values_videos: (B, T, 3, H, W).
            labels: (B,) class indices, or (B, C) for several classes at once or regression (``config.problem_type``).
            output_hidden_states: also the tokens (B, L, d) before the first block and after each.
            return_dict: False for a tuple.

        Raises:
            UserError: videos of another shape or dtype than the model's.
        """
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        logits, states = self._logits(pixel_values_videos.transpose(1, 2), with_states=bool(output_hidden_states))
        loss = None if labels is None else self.loss_function(labels, logits, self.config)
        output = ImageClassifierOutput(loss=loss, logits=logits, hidden_states=states)
        return output.to_tuple() if return_dict is False else output

    def _logits(self, video: Tensor, *, with_states: bool) -> tuple[Logits, tuple[Tensor, ...] | None]:
        model = self.videomamba
        if not with_states:
            return model(video), None
        states = [model.embed(video)]
        for block in model.blocks:
            states.append(model.run_block(block, states[-1]))
        return model.forward_head(model.norm(states[-1])), tuple(states)

    def get_input_embeddings(self) -> nn.Module:
        """The patch embedding, as transformers asks for the first layer."""
        return self.videomamba.patch_embed

    def save_pretrained(
        self,
        save_directory: str | Path,
        is_main_process: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        push_to_hub: bool = False,
        **kwargs: Any,
    ) -> None:
        """Writes this package's folder.

        Args:
            save_directory: the folder.
            is_main_process: of several, only this one writes.
            state_dict: the whole weights, where the model has them only in parts.
            push_to_hub: upload it too, see :meth:`push_to_hub`.
            kwargs: ``repo_id`` and the like for that; other arguments of transformers do not apply to this layout.
        """
        if getattr(self, "_hf_peft_config_loaded", False):
            super().save_pretrained(save_directory, is_main_process, state_dict, push_to_hub, **kwargs)
            return
        if not is_main_process:
            return
        model = self._named()
        if state_dict is None:
            model.save_pretrained(save_directory)
        else:
            weights = {name.removeprefix(_PREFIX): value for name, value in state_dict.items()}
            folder.write(Path(save_directory), dataclasses.replace(model.to_checkpoint(), weights=weights))
        if push_to_hub:
            self.push_to_hub(kwargs.get("repo_id") or Path(save_directory).name, token=kwargs.get("token"))

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """The folder and its model card, as :meth:`videomamba.VideoMamba.push_to_hub` uploads them."""
        url: str = self._named().push_to_hub(repo_id, **options)
        return url

    def _named(self) -> VideoMamba:
        """The model with what the configuration says of it now."""
        model, config = self.videomamba, self.config
        model.class_names, model.source, model.license = config.class_names, config.source, config.license
        return model

    def _init_weights(self, module: nn.Module) -> None:
        """A head for other classes; the rest initialises itself when it is made."""
        if module is self.videomamba.head and isinstance(module, nn.Linear):
            initialization.trunc_normal_(module.weight, std=0.02)
            initialization.zeros_(module.bias)

    def _set_gradient_checkpointing(self, enable: bool = True, *_: Any, **__: Any) -> None:
        self.videomamba.set_grad_checkpointing(enable)


def _with_prefix(module: nn.Module, state: dict[str, Any], *_: Any) -> None:
    """Takes the names in this package's files, which ``Trainer`` gives to ``load_state_dict`` as they are."""
    known = dict(module.named_parameters())
    for name in [name for name in state if f"{_PREFIX}{name}" in known]:
        state[f"{_PREFIX}{name}"] = state.pop(name)


AutoConfig.register("videomamba", VideoMambaConfig, exist_ok=True)
AutoModelForVideoClassification.register(VideoMambaConfig, VideoMambaForVideoClassification, exist_ok=True)
AutoVideoProcessor.register(VideoMambaConfig, VideoMambaVideoProcessor, exist_ok=True)
