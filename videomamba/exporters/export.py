"""From a checkpoint to a file that other programs run."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videomamba.checks import check_int
from videomamba.errors import UserError
from videomamba.exporters.check import largest_difference, refuse_difference
from videomamba.exporters.exportable import Exportable, exportable
from videomamba.exporters.program import write_program
from videomamba.files import check_writable, whole_file
from videomamba.models import CustomModel, PretrainedModel, load_model
from videomamba.models.weights.folder import description
from videomamba.models.weights.readers import EXPORTED
from videomamba.nn.mixer import SelectiveSSM
from videomamba.tasks.catalogue import task_of

SCANS = ("scan", "linear-attention")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        inputs: shapes by name; a name in the place of a length that is free.
        difference: between the file's and the model's outputs, at most, relative to the largest output.
        size: bytes.
    """

    path: Path
    inputs: dict[str, tuple[int | str, ...]]
    difference: float
    size: int


def export(
    model_or_checkpoint: PretrainedModel | str | Path,
    path: str | Path,
    *,
    num_frames: int | None = None,
    img_size: int | tuple[int, int] | None = None,
    batch: int | None = None,
    scan: str = "scan",
    int8: bool = False,
) -> Exported:
    """Writes a model as ONNX (.onnx) or as a program of ``torch.export`` (.pt2), and checks it before.

    The file is run on random input, by onnxruntime or as the program, and compared with the model. It holds class names
    and preprocessing; ``videomamba.predict`` takes the .onnx file like any checkpoint.

    Args:
        model_or_checkpoint: a model, or anything that :func:`videomamba.load_model` takes. Inputs are ``video`` (B, 3,
            T, H, W); for a detector also ``boxes`` (B, K, 4) in pixels; for a segmenter ``features`` (B, C, T). The
            output is ``logits``; a segmenter's are the last stage's, (B, classes, T).
        path: ends in .onnx or .pt2.
        num_frames, img_size: of the videos, fixed in the file; None: the model's own.
        batch: videos at a time; None: any number.
        scan: the operator of a scan in ONNX: ``scan``, the standard one, or ``linear-attention``, onnxruntime's own.
        int8: dynamic quantisation of the projections; ONNX only. Outputs then differ by what rounding costs.

    Raises:
        UserError: an option that does not fit, a package that is not installed, or outputs that differ from the model's
            by more than 1e-4 of the largest; nothing is written then.

    Example:
        >>> exported = videomamba.export("runs/mine", "mine.pt2")
        >>> exported.inputs
        {'video': ('batch', 3, 8, 64, 64)}
        >>> exported.difference
        0.0
    """
    path = Path(path)
    _check(path, batch=batch, scan=scan, int8=int8)
    is_onnx = path.suffix == ".onnx"
    if is_onnx:
        _require_onnx()
    given = model_or_checkpoint
    model = given if isinstance(given, PretrainedModel) else load_model(given)
    target = exportable(model, num_frames=num_frames, img_size=img_size, batch=batch)
    check_writable(path, folder=False)
    if scan != "scan" and not _may_scan(model):
        raise UserError(f"scan={scan!r}: {type(model).__name__} has no scan; leave the option out")
    text = json.dumps({"task": task_of(model), **_description(target)})
    with whole_file(path) as temporary:
        if is_onnx:
            difference = _write_onnx(target, temporary, text, scan=scan, int8=int8)
        else:
            write_program(target, temporary, text)
            difference = largest_difference(target, torch.export.load(temporary).module())
            refuse_difference(difference)
    return Exported(path, _inputs(target), difference, path.stat().st_size)


def _write_onnx(target: Exportable, path: Path, text: str, *, scan: str, int8: bool) -> float:
    """The largest difference of what was written."""
    from videomamba.exporters.onnx_file import quantise, write_onnx

    if not int8:
        write_onnx(target, path, text, scan=scan)
        difference = largest_difference(target, _runner(path))
        refuse_difference(difference)
        return difference
    with tempfile.TemporaryDirectory(prefix="videomamba-") as folder:
        whole = Path(folder) / "model.onnx"
        write_onnx(target, whole, text, scan=scan)
        refuse_difference(largest_difference(target, _runner(whole)))  # all but the rounding
        quantise(whole, path)
    return largest_difference(target, _runner(path))


def _may_scan(model: PretrainedModel) -> bool:
    """Whether there is a scan; a module that somebody wrote may call one anywhere."""
    return isinstance(model, CustomModel) or any(isinstance(part, SelectiveSSM) for part in model.modules())


def _runner(path: Path) -> Any:
    from videomamba.inference.onnx_model import open_session

    session = open_session(path)
    names = [given.name for given in session.get_inputs()]

    def run(*inputs: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {n: x.numpy() for n, x in zip(names, inputs, strict=True)})[0])

    return run


def _description(target: Exportable) -> dict[str, Any]:
    """The model's, with a name for every output."""
    values = description(target.model.to_checkpoint())
    return {**values, "class_names": list(target.model.labels)}


def _inputs(target: Exportable) -> dict[str, tuple[int | str, ...]]:
    return {
        name: tuple(free.get(axis, length) for axis, length in enumerate(x.shape))
        for name, x, free in zip(target.names, target.example, target.dynamic, strict=True)
    }


def _check(path: Path, *, batch: int | None, scan: str, int8: bool) -> None:
    if path.suffix not in EXPORTED:
        raise UserError(f"{path}: end it in .onnx, or in .pt2 for a program of torch.export")
    if scan not in SCANS:
        raise UserError(f"scan={scan!r}; choose one of {', '.join(SCANS)}")
    if batch is not None:
        check_int("batch", batch, at_least=1)
    if path.suffix == ".pt2" and (int8 or scan != "scan"):
        raise UserError(f"{path}: int8 and the scan's operator are chosen for .onnx files only")


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(f'ONNX files need {error.name}: pip install "videomamba[onnx]"') from error
