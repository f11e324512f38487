"""A causal VideoMamba on a video without an end: states are carried, and each frame costs the same."""

import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.models.videomamba import VideoMamba
from videomamba.nn.mixer import DirectionState, MixerState
from videomamba.nn.order import backward_order
from videomamba.nn.position import sinusoidal_table
from videomamba.nn.stock import parameter_dtype
from videomamba.shapes import Logits, Tokens, Video


class CausalStream:
    """Steps a causal model (``model.config.is_causal``) through videos, as many frames at a time as come.

    The logits after T frames are those that the model, set to T frames, gives for all of them at once. What is kept
    does not grow: for every block and direction the last inputs of the convolution and the state of the scan.

    Args:
        model: in evaluation mode, where it is to compute.

    Attributes:
        tubelets: seen so far.

    Raises:
        UserError: the model is not causal; the line says what makes it so.

    Example:
        >>> causal = {"backward_order": "spatial", "cls_position": "last", "pos_embed": "none"}
        >>> net = videomamba.create_model("videomamba_nano", num_frames=4, num_classes=3, **causal).eval()
        >>> stream = CausalStream(net)
        >>> stream.push(torch.zeros(1, 3, 4, 64, 64))
        >>> stream.logits().shape
        torch.Size([1, 3])
    """

    def __init__(self, model: VideoMamba) -> None:
        if not model.config.is_causal:
            raise UserError(
                "this model needs the whole clip; one that is trained with backward_order=spatial, cls_position=last "
                "and pos_embed=none or sinusoidal can be stepped through a video"
            )
        self.model = model
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        self.tubelets = 0
        self._states: list[MixerState | None] = [None] * len(self.model.blocks)

    @torch.inference_mode()
    def push(self, video: Video) -> None:
        """Takes the next frames, (B, 3, T, H, W), normalised as the model's ``preprocessing`` says.

        Raises:
            UserError: not a multiple of a tubelet, another size of frames, or no floating point.
        """
        config = self.model.config
        expected = (3, config.tubelet_size, *config.height_width)
        if video.dim() != 5 or not video.shape[2] or video.shape[2] % config.tubelet_size:
            raise UserError(f"video has shape {tuple(video.shape)}; expected (B, 3, T, H, W), T % {expected[1]} == 0")
        if video.shape[1] != 3 or tuple(video.shape[3:]) != expected[2:] or not video.is_floating_point():
            raise UserError(
                f"video has shape {tuple(video.shape)} and dtype {video.dtype}; this model takes float frames of "
                f"{expected[2]} x {expected[3]} pixels"
            )
        tokens, count = self._embed(video), video.shape[2] // config.tubelet_size
        _, h, w = config.grid
        order = backward_order("spatial", (count, h, w), count * h * w)
        assert order is not None
        order = order[:-1].to(tokens.device)  # without a class token
        for i, block in enumerate(self.model.blocks):
            tokens, self._states[i] = block.step(tokens, self._states[i], order)
        self.tubelets += count

    @torch.inference_mode()
    def logits(self) -> Logits:
        """(B, num_classes) after all frames so far: the class token reads the states and leaves them as they are.

        Raises:
            UserError: there was no frame yet.
        """
        first = self._states[0]
        if first is None:
            raise UserError("no frame was pushed yet")
        token = self.model.cls_token
        wide = torch.promote_types(token.dtype, torch.float32)
        tokens = token.to(wide).expand(len(first[0].scan), -1, -1)
        for block, state in zip(self.model.blocks, self._states, strict=True):
            tokens, _ = block.step(tokens, state)
        features = self.model.norm(tokens)[:, 0]
        found: Tensor = self.model.head(features.to(parameter_dtype(self.model.head, features)))
        return found

    def state_dict(self) -> dict[str, Tensor]:
        """All that is kept, by name; :meth:`load_state_dict` goes on from there."""
        kept = {"tubelets": torch.tensor(self.tubelets)}
        for i, state in enumerate(self._states):
            for j, one in enumerate(state or ()):
                kept |= {f"{i}.{j}.conv": one.conv, f"{i}.{j}.scan": one.scan}
        return kept

    def load_state_dict(self, kept: dict[str, Tensor]) -> None:
        """Goes on from what :meth:`state_dict` of the same model gave."""
        self.tubelets = int(kept["tubelets"])
        device = self.model.cls_token.device

        def direction(name: str) -> DirectionState:
            return DirectionState(kept[f"{name}.conv"].to(device), kept[f"{name}.scan"].to(device))

        if self.tubelets:
            self._states = [(direction(f"{i}.0"), direction(f"{i}.1")) for i in range(len(self._states))]

    def _embed(self, video: Video) -> Tokens:
        """(B, M, d) tokens of these frames, with positions that continue those before."""
        patches = self.model.patch_embed(video)
        tokens: Tensor = patches.to(torch.promote_types(self.model.cls_token.dtype, torch.float32))
        if self.model.config.pos_embed == "none":
            return tokens
        _, h, w = self.model.config.grid
        table = sinusoidal_table(tokens.shape[1], tokens.shape[2], first=self.tubelets * h * w)
        return tokens + table.to(tokens)
