"""What a recogniser says about videos: decoding runs ahead in threads while the model computes in batches."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

import torch
from torch import Tensor

from videomamba.data import VideoError
from videomamba.inference.ahead import ahead
from videomamba.inference.result import ClassScore, Result
from videomamba.inference.source import Source, model_input, name_of, single_sources
from videomamba.models import TrainedModel
from videomamba.tasks.recognition import Recognition

Answer = tuple[str, Tensor | VideoError]


def recognize(
    model: TrainedModel,
    source: Source | Iterable[Source],
    *,
    device: torch.device,
    top_k: int = 5,
    num_clips: int = 1,
    batch_size: int = 8,
) -> Iterator[Result]:
    """Results in the order of the sources, as they are made; a source that cannot be read gives a result with an error.

    Frames are chosen and prepared as in evaluation. At most three batches are in memory.

    Args:
        model: moved to the device and put in evaluation mode.
        source: see :func:`videomamba.predict`.
        device: where to compute.
        top_k: classes per video, at most.
        num_clips: clips of a video whose probabilities are averaged.
        batch_size: videos per forward pass.
    """
    task = Recognition(model.labels)
    task.check_model(model)
    model.to(device).eval()
    stream = _loaded(single_sources(source), model, num_clips=num_clips, count=2 * batch_size)
    while batch := list(islice(stream, batch_size)):
        views = [video for _, video in batch if isinstance(video, Tensor)]
        scores = iter(_scores(task, model, views, device))
        for name, video in batch:
            if isinstance(video, Tensor):
                (answers,) = task.predictions(next(scores)[None], top_k)
                top = tuple(ClassScore(**answer) for answer in answers)
                yield Result(name, top_k=top, preprocessing=model.preprocessing)
            else:
                yield Result(name, error=str(video))


@torch.inference_mode()
def _scores(task: Recognition, model: TrainedModel, videos: list[Tensor], device: torch.device) -> Iterable[Tensor]:
    """(C,) of each video; those of one shape, as all files have, go through the model together."""
    shapes = {video.shape for video in videos}
    if len(shapes) > 1:
        return chain.from_iterable(_scores(task, model, [video], device) for video in videos)
    return task.scores(task.test_outputs(model, {"video": torch.stack(videos).to(device)})).cpu() if videos else ()


def _loaded(sources: Iterator[Source], model: TrainedModel, *, num_clips: int, count: int) -> Iterator[Answer]:
    """Inputs in order, ``count`` of them decoded or decoding while the caller works."""
    preprocessing = model.preprocessing

    def load(source: Source) -> Answer:
        try:
            return name_of(source), model_input(source, preprocessing, num_clips=num_clips)
        except VideoError as error:
            return name_of(source), error

    return ahead(load, sources, count=count)
