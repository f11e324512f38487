"""Segments in a long video's features, by a segmenter."""

import numpy as np
import torch
from numpy.typing import NDArray

from videomamba.errors import UserError
from videomamba.inference.feature_times import FeatureTimes
from videomamba.inference.result import Segment
from videomamba.models import TrainedModel
from videomamba.tasks.segmentation import Segmentation


@torch.inference_mode()
def segment_features(
    model: TrainedModel, features: NDArray[np.float32], *, device: torch.device, times: FeatureTimes | None = None
) -> tuple[Segment, ...]:
    """Segments in order, in features of the source whatever the model's stride.

    Args:
        model: moved to the device and put in evaluation mode.
        features: (C, T).
        device: where to compute.
        times: of the features, for times in seconds.

    Raises:
        UserError: a model of another task, or features of another number of channels.
    """
    task = Segmentation(model.labels)
    task.check_model(model)
    if features.shape[0] != model.config.input_dim:
        raise UserError(
            f"features have {features.shape[0]} channels (their shape is {features.shape}); the checkpoint takes "
            f"{model.config.input_dim}, as (C, T)"
        )
    stride, length = model.preprocessing.stride, features.shape[1]
    seen = torch.from_numpy(features[:, ::stride].copy())[None].to(device)
    batch = {"video": seen, "valid": torch.ones(1, seen.shape[2], dtype=torch.bool, device=device)}
    scores = task.scores(task.test_outputs(model.to(device).eval(), batch))
    found = []
    for run in task.predictions(scores, 1)[0]:
        run |= {"start": run["start"] * stride, "end": min(run["end"] * stride, length)}
        begin, end = (times.seconds(run[edge]) if times else None for edge in ("start", "end"))
        found.append(Segment(**run, start_seconds=begin, end_seconds=end))
    return tuple(found)
