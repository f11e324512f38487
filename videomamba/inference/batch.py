"""One callable class from batches of paths to batches of rows, for Ray Data, Daft, and the local engine."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from videomamba.checks import check_choice, check_int
from videomamba.data.model_clip import ClipPixels, load_pixels
from videomamba.data.transforms import input_transform
from videomamba.errors import UserError
from videomamba.inference.ahead import ahead
from videomamba.inference.device import resolve_device
from videomamba.inference.onnx_model import SUFFIX, OnnxModel, load_trained
from videomamba.inference.source import as_file
from videomamba.models import TrainedModel, VideoMamba
from videomamba.models.weights.readers import read_checkpoint
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.recognition import Recognition

if TYPE_CHECKING:
    import pyarrow

What = Literal["classes", "features"]
WHATS = ("classes", "features")
Row = dict[str, Any]
_HASH = 16  # hexadecimal digits


class Predictor:
    """A model that answers batches of paths with batches of rows.

    A row has ``path``; ``start_s`` and ``end_s``, the seconds of the first and last frame that the model saw;
    ``labels`` and ``scores`` of the best classes, best first, or ``embedding``, the features before the head;
    ``error``; ``model`` and ``model_hash``. A file that cannot be read is a row in which all but ``path``, ``error``
    and the model's two are None. Scores and embeddings are means over the clips of a video.

    Args:
        checkpoint: what :func:`videomamba.load_model` takes, or an .onnx file that :func:`videomamba.export` wrote, for
            classes on the CPU; loaded here, once.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        what: ``classes`` or ``features``.
        top_k: classes per video, at most as many as the model has.
        num_clips: clips of a video.
        batch_size: videos per forward pass.

    Attributes:
        width: length of each row's ``scores`` or ``embedding``.
        preprocessing: what :func:`decode_batch` needs.

    Raises:
        UserError: no such checkpoint or device, a model for another task, or a number below one.

    Example:
        >>> from videomamba.inference.batch import Predictor
        >>> predictor = Predictor("runs/mine", device="cpu", top_k=1)
        >>> for row in predictor(["clip.mp4", "missing.mp4"]):
        ...     print(row["path"], row["labels"] is not None, row["error"])
        clip.mp4 True None
        missing.mp4 False missing.mp4 does not exist
    """

    def __init__(
        self,
        checkpoint: str | Path,
        *,
        device: str = "auto",
        what: What = "classes",
        top_k: int = 5,
        num_clips: int = 1,
        batch_size: int = 8,
    ) -> None:
        check_choice("what", what, WHATS)
        for name, value in (("top_k", top_k), ("num_clips", num_clips), ("batch_size", batch_size)):
            check_int(name, value, at_least=1)
        self.device = resolve_device(device)
        self.what, self.num_clips, self.batch_size = what, num_clips, batch_size
        self.model = load_trained(checkpoint, device)
        check_usable(self.model, what)
        self.model.to(self.device).eval()
        self.preprocessing: Preprocessing = self.model.preprocessing
        self.width = row_width(self.model, what, top_k)
        self.name, self.hash = str(checkpoint), model_hash(checkpoint)
        self._to_input = input_transform(self.preprocessing)
        self._task = Recognition(self.model.labels) if what == "classes" else None

    def __call__(self, batch: Any) -> Any:
        """Rows of a batch.

        Args:
            batch: paths, in a list, an array or a column of Daft's, or one path; or, as Ray Data passes it, columns by
                name, ``path`` or what :func:`decode_batch` makes of it.

        Returns:
            A list of rows; for columns by name a pyarrow table of :func:`videomamba.inference.shards.row_schema`.
        """
        if isinstance(batch, str | Path):
            return list(self.rows([str(batch)]))
        if not isinstance(batch, Mapping):
            return list(self.rows(batch.to_pylist() if hasattr(batch, "to_pylist") else batch))
        if "pixels" not in batch:
            return self.table(list(self.rows(map(str, batch["path"]))))
        return self.table(self.compute(_decoded(batch)))

    def rows(self, paths: Iterable[str]) -> Iterator[Row]:
        """Rows in the order of the paths; decoding runs ahead in threads while the model computes in batches."""

        def decode(path: str) -> tuple[str, ClipPixels | str]:
            return path, pixels_or_error(path, self.preprocessing, self.num_clips)

        clips = ahead(decode, paths, count=2 * self.batch_size)
        while batch := list(islice(clips, self.batch_size)):
            yield from self.compute(batch)

    @torch.inference_mode()
    def compute(self, clips: Sequence[tuple[str, ClipPixels | str]]) -> list[Row]:
        """Rows of decoded videos, which go through the model together; instead of pixels there may be an error."""
        good = [clip.pixels for _, clip in clips if isinstance(clip, ClipPixels)]
        answers = iter(self._answers(torch.stack(good)) if good else ())
        empty = dict.fromkeys(("start_s", "end_s", *(("labels", "scores") if self._task else ("embedding",)), "error"))
        rows = []
        for path, clip in clips:
            row: Row = {"path": path, **empty, "model": self.name, "model_hash": self.hash}
            if isinstance(clip, ClipPixels):
                row |= {"start_s": clip.start, "end_s": clip.end, **next(answers)}
            else:
                row["error"] = clip
            rows.append(row)
        return rows

    def table(self, rows: Sequence[Row]) -> "pyarrow.Table":
        """The rows as a pyarrow table."""
        import pyarrow

        from videomamba.inference.shards import row_schema

        return pyarrow.Table.from_pylist(list(rows), schema=row_schema(self.what, self.width))

    def _answers(self, pixels: Tensor) -> list[Row]:
        """Of (N, V, T, 3, H, W) uint8."""
        video = self._to_input(pixels.to(self.device))
        if self._task is not None:
            scores = self._task.scores(self._task.test_outputs(self.model, {"video": video})).cpu()
            best, indices = scores.topk(self.width)
            names = self._task.class_names
            return [
                {"labels": [names[i] for i in row], "scores": values}
                for row, values in zip(indices.tolist(), best.numpy(), strict=True)
            ]
        model = self.model
        assert isinstance(model, VideoMamba)
        features = model.forward_head(model.forward_features(video.flatten(0, 1)), pre_logits=True)
        means = features.float().unflatten(0, video.shape[:2]).mean(1).cpu().numpy()
        return [{"embedding": values} for values in means]


def decode_batch(batch: Mapping[str, Sequence[str]], *, preprocessing: Preprocessing, num_clips: int) -> dict[str, Any]:
    """Columns with a ``path`` as columns that :class:`Predictor` takes: decoding as a stage of its own.

    Returns:
        ``path``; ``pixels`` (N, V, T, 3, H, W) uint8, ``start_s`` and ``end_s`` (N,) float64; ``error`` (N,), empty
        where there is none. The pixels of a file that cannot be read are 0.
    """
    paths = [str(path) for path in batch["path"]]
    clips = [pixels_or_error(path, preprocessing, num_clips) for path in paths]
    pixels = np.zeros((len(paths), num_clips, preprocessing.num_frames, 3, *preprocessing.size), np.uint8)
    moments = np.full((2, len(paths)), math.nan)
    for i, clip in enumerate(clips):
        if isinstance(clip, ClipPixels):
            pixels[i] = clip.pixels.numpy()
            moments[:, i] = clip.start, clip.end
    errors = ["" if isinstance(clip, ClipPixels) else clip for clip in clips]
    return {"path": paths, "pixels": pixels, "start_s": moments[0], "end_s": moments[1], "error": errors}


def _decoded(batch: Mapping[str, Any]) -> list[tuple[str, ClipPixels | str]]:
    columns = (batch[name] for name in ("path", "pixels", "start_s", "end_s", "error"))
    return [
        (str(path), str(error) or ClipPixels(torch.tensor(pixels), float(start), float(end)))
        for path, pixels, start, end, error in zip(*columns, strict=True)
    ]


def pixels_or_error(path: str, preprocessing: Preprocessing, num_clips: int) -> ClipPixels | str:
    """A decoded video, or in one line why it cannot be read; a URL is downloaded to a temporary file."""
    try:
        with as_file(path) as file:
            return load_pixels(file, preprocessing, num_clips=num_clips)
    except (UserError, OSError) as error:
        return " ".join(str(error).split())


def check_usable(model: TrainedModel, what: What) -> None:
    """
    Raises:
        UserError: a model that does not take whole clips, or has no such answer.
    """
    if model.task != "recognition":
        Recognition(model.labels).check_model(model)  # names the verb for such a checkpoint
    if what == "features" and isinstance(model, OnnxModel):
        raise UserError(f"{model.path} gives classes only; for features give the checkpoint that it was written from")
    if what == "features" and not isinstance(model, VideoMamba):
        raise UserError(f"this checkpoint is a {type(model).__name__}; only VideoMamba gives features of a clip")
    if what == "classes" and not model.num_classes:
        raise UserError("this checkpoint has no classes; use `videomamba features`")


def row_width(model: TrainedModel, what: What, top_k: int) -> int:
    """Length of a row's scores or embedding."""
    return min(top_k, model.num_classes) if what == "classes" else int(model.config.embed_dim)


def model_hash(checkpoint: str | Path) -> str:
    """The first 16 hexadecimal digits of SHA-256 over the checkpoint's weights, names and preprocessing.

    Raises:
        UserError: no such checkpoint.
    """
    path, found = Path(checkpoint), hashlib.sha256()
    if path.suffix != SUFFIX:  # in an .onnx file all of it is in the file
        data = read_checkpoint(checkpoint)
        found.update(repr((data.config, data.class_names, data.preprocessing)).encode())
        path = data.path
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            found.update(piece)
    return found.hexdigest()[:_HASH]
