"""A model in an ONNX file, computed by onnxruntime; no network of PyTorch is built."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videomamba.errors import UserError
from videomamba.machine import cores
from videomamba.models import TrainedModel, load_model
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.models.weights.folder import described

SUFFIX, METADATA = ".onnx", "videomamba"


class OnnxModel(TrainedModel):
    """What ``videomamba.export`` wrote, called as the model that it was written from; it computes on the CPU.

    Args:
        path: the file.
        threads: of onnxruntime; None: as many as this process may use.

    Raises:
        UserError: no file, one that onnxruntime cannot load or ``export`` did not write, or onnxruntime is missing.
    """

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        super().__init__()
        self.path = Path(path)
        self.session = open_session(self.path, threads)
        self.task, model = _description(self.path, self.session)
        self.config, self.class_names, self.preprocessing = model.config, model.class_names, model.preprocessing

    def forward(
        self, first: Tensor, boxes: Tensor | None = None, valid: Tensor | None = None, size: Tensor | None = None
    ) -> Tensor:
        """The outputs of the model that the file is of; arguments as of that model's ``forward``.

        Raises:
            UserError: inputs of another shape than the file's, or that differ in size or length in a batch.
        """
        if self.task == "segmentation":
            valid = boxes  # its second argument
            if valid is not None and not bool(valid.all()):
                raise UserError(f"{self.path} takes sequences of one length at a time; use a batch of 1")
            return self._run(first)[None]
        if self.task == "recognition":
            return self._run(first)
        assert boxes is not None
        if size is not None and (size != size.new_tensor(first.shape[-2:])).any():
            raise UserError(f"{self.path} takes pictures of one size at a time; use a batch of 1")
        logits = self._run(first, boxes)
        return logits if valid is None else logits * valid[..., None]

    def _run(self, *inputs: Tensor) -> Tensor:
        feeds = {}
        for given, x in zip(self.session.get_inputs(), inputs, strict=True):
            _check_shape(self.path, given, tuple(x.shape))
            feeds[given.name] = np.ascontiguousarray(x.detach().float().cpu().numpy())
        (found,) = self.session.run(None, feeds)
        return torch.from_numpy(found).to(inputs[0].device)


def load_trained(checkpoint: str | Path, device: str = "auto") -> TrainedModel:
    """An .onnx file as an :class:`OnnxModel`, anything else as :func:`videomamba.load_model` has it.

    Args:
        checkpoint: its name.
        device: what the user asked for.

    Raises:
        UserError: nothing that can be loaded, or another device than the CPU for an .onnx file.
    """
    if Path(checkpoint).suffix != SUFFIX:
        return load_model(checkpoint)
    if device not in ("auto", "cpu"):
        raise UserError(f"{checkpoint} is computed by onnxruntime on the CPU; leave out --device {device}")
    return OnnxModel(checkpoint)


def open_session(path: Path, threads: int | None = None) -> Any:
    """An ``onnxruntime.InferenceSession``.

    Raises:
        UserError: the file cannot be loaded, or onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f'{path} needs onnxruntime: pip install "videomamba[onnx]"') from error
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or cores()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of many classes, all of onnxruntime
        raise UserError(f"{path} is no ONNX file that onnxruntime can load: {str(error).splitlines()[0]}") from error


def _description(path: Path, session: Any) -> tuple[str, Checkpoint]:
    """The task, and the model without its weights.

    Raises:
        UserError: metadata that ``export`` did not write.
    """
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    try:
        values = json.loads(text or "")
        return str(values["task"]), described(values)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise UserError(f"{path} was not written by `videomamba export`: no model in its metadata") from error


def _check_shape(path: Path, given: Any, shape: tuple[int, ...]) -> None:
    """
    Raises:
        UserError: the file's input has other lengths, where these are fixed.
    """
    fits = len(shape) == len(given.shape) and all(
        isinstance(free, str) or free == n for free, n in zip(given.shape, shape, strict=True)
    )
    if not fits:
        axes = ", ".join(str(n) for n in given.shape)
        raise UserError(
            f"{given.name} has shape {shape}; {path} takes ({axes}): `videomamba export` makes files for other sizes"
        )
