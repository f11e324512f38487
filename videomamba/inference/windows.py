"""What is kept of a video while a model looks at it in windows: tubelets, frames, or the states of a causal model."""

from collections import deque
from typing import Protocol

import torch
from torch import Tensor

from videomamba.models import PretrainedModel, VideoMamba
from videomamba.models.causal import CausalStream
from videomamba.nn.patch import with_class_token
from videomamba.shapes import Logits, Video

_TOKENS = 2048  # that a model takes at once: with fewer, calling its operations is what costs
_VIEWS = 32


class Window(Protocol):
    """Takes prepared frames and gives logits of those that it has in view.

    Attributes:
        unit: frames that are taken together.
        length: frames in view; None for all so far.
        at_once: views whose logits are best computed together.
    """

    @property
    def unit(self) -> int: ...

    @property
    def length(self) -> int | None: ...

    @property
    def at_once(self) -> int: ...

    def push(self, video: Video) -> None:
        """Takes (1, 3, T, H, W), T a multiple of ``unit``."""

    def view(self) -> Tensor:
        """(1, ...): what a full window has in view now; :meth:`logits_of` takes several, joined."""

    def logits_of(self, views: Tensor) -> Logits:
        """(N, C) or (N, 1, C) of N views."""

    def reset(self) -> None:
        """Forgets all frames."""

    def state_dict(self) -> dict[str, Tensor]:
        """All that is kept."""

    def load_state_dict(self, kept: dict[str, Tensor]) -> None:
        """Goes on from what :meth:`state_dict` gave, on the model's device."""


def window_for(model: PretrainedModel, *, causal: bool) -> Window:
    """The cheapest window that gives the model's own scores.

    Args:
        model: in evaluation mode.
        causal: carry states instead of a window; the model must allow it.
    """
    if not isinstance(model, VideoMamba):
        return FrameWindow(model)
    if causal:
        return CausalWindow(model)
    return TubeletWindow(model)


class TubeletWindow:
    """The last tubelets of a VideoMamba's video, each embedded once; positions are the window's own."""

    def __init__(self, model: VideoMamba) -> None:
        self._model = model
        self.unit = model.config.tubelet_size
        self.length: int | None = model.config.num_frames
        t, h, w = model.config.grid
        self.at_once = min(_VIEWS, max(1, _TOKENS // (t * h * w)))
        self._tokens: deque[Tensor] = deque(maxlen=model.config.grid[0])

    def push(self, video: Video) -> None:
        places = self._model.config.grid[1] * self._model.config.grid[2]
        self._tokens.extend(self._model.patch_embed(video).split(places, 1))

    def view(self) -> Tensor:
        return torch.cat(list(self._tokens), 1)

    def logits_of(self, views: Tensor) -> Logits:
        model = self._model
        cls_token = model.cls_token.to(torch.promote_types(model.cls_token.dtype, torch.float32))
        tokens = with_class_token(views, cls_token, model.config.cls_index, model.pos_embed)
        for block in model.blocks:
            tokens = model.run_block(block, tokens)
        return model.forward_head(model.norm(tokens))

    def reset(self) -> None:
        self._tokens.clear()

    def state_dict(self) -> dict[str, Tensor]:
        return {"tokens": self.view()} if self._tokens else {}

    def load_state_dict(self, kept: dict[str, Tensor]) -> None:
        self.reset()
        if kept:
            places = self._model.config.grid[1] * self._model.config.grid[2]
            self._tokens.extend(kept["tokens"].split(places, 1))


class FrameWindow:
    """The last prepared frames, for a model that is only called."""

    unit: int = 1
    at_once: int = 1

    def __init__(self, model: PretrainedModel) -> None:
        self._model = model
        self.length: int | None = model.preprocessing.num_frames
        self._frames: deque[Tensor] = deque(maxlen=self.length)

    def push(self, video: Video) -> None:
        self._frames.extend(video.split(1, 2))

    def view(self) -> Tensor:
        return torch.cat(list(self._frames), 2)

    def logits_of(self, views: Tensor) -> Logits:
        found: Tensor = self._model(views)
        return found

    def reset(self) -> None:
        self._frames.clear()

    def state_dict(self) -> dict[str, Tensor]:
        return {"frames": self.view()} if self._frames else {}

    def load_state_dict(self, kept: dict[str, Tensor]) -> None:
        self.reset()
        if kept:
            self._frames.extend(kept["frames"].split(1, 2))


class CausalWindow(CausalStream):
    """All frames so far, by a causal model's states; a view is its logits, for the states change."""

    at_once: int = 1

    def __init__(self, model: VideoMamba) -> None:
        super().__init__(model)
        self.unit = model.config.tubelet_size
        self.length: int | None = None

    def view(self) -> Tensor:
        return self.logits()

    def logits_of(self, views: Tensor) -> Logits:
        return views
