"""What a training clip costs, from its file to the model's input, compared with what its decoder alone needs.

Times are processor times of this process with one thread, so that other processes have little influence; on an idle
machine, with the files in the system's cache, they equal wall-clock time. Everything that is compared is interleaved.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from videomamba.data import (
    Augmentation,
    VideoDataset,
    VideoReader,
    VideoRecord,
    make_loader,
)
from videomamba.data.datasets.epochs import mixed_seed
from videomamba.data.decode_torchcodec import is_indexed, torchcodec_status
from videomamba.data.reader import DecoderName
from videomamba.data.transforms import TABLE_S3
from videomamba.preprocessing import Preprocessing


@dataclass(frozen=True)
class Row:
    """One decoder and one way of sampling; milliseconds of a clip, medians over clips.

    Attributes:
        decoder: its name.
        sampling: stride in frames, or ``uniform``.
        clips: that were timed, each once per round.
        decoded: frames up to the last one used.
        bare: the decoder alone, for these frames, without conversion to RGB; None if it always converts.
        used: the decoder alone, for these frames, converting the clip's frames to RGB.
        every: the decoder alone, for these frames, converting all of them to RGB.
        opening: finding the file, counting its frames.
        reading: decoding, RGB, one tensor of the clip.
        transform: augmentation and normalisation.
        sample: a whole training sample, timed by itself.
        times_bare, times_used, times_every: the sample's time over each of the three, median of the clips' ratios.
        sums_bare, sums_used, sums_every: the same ratios of the sums over all clips.
    """

    decoder: str
    sampling: str
    clips: int
    decoded: float
    bare: float | None
    used: float
    every: float
    opening: float
    reading: float
    transform: float
    sample: float
    times_bare: float | None
    times_used: float
    times_every: float
    sums_bare: float | None
    sums_used: float
    sums_every: float


def runnable_decoders(paths: Sequence[Path]) -> dict[DecoderName, str]:
    """Name -> "works", or why it cannot be timed on these files."""
    works, reason = torchcodec_status()
    if works and not all(map(is_indexed, paths)):
        reason = "not for these files: it is trusted with mp4/mov and mkv/webm only"
    return {"pyav": "works", "torchcodec": reason}


def measure(
    decoder: DecoderName,
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    *,
    augmentation: Augmentation = TABLE_S3,
    rounds: int = 3,
    progress: Callable[[], None] = lambda: None,
) -> Row:
    """For each clip in turn: the decoder alone, the parts of a training sample, and all of it; ``rounds`` epochs.

    A first round warms up and is not counted. ``progress`` is called after each clip of all rounds.
    """
    dataset = _dataset(decoder, paths, preprocessing, augmentation)
    alone = _ALONE[decoder]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times: list[dict[str, float]] = []
    try:
        for epoch in range(rounds + 1):
            dataset.set_epoch(epoch)
            for i, path in enumerate(paths):
                indices, taken = _parts(dataset, i)
                for name in alone:
                    taken[name] = _seconds(alone[name], path, indices)
                taken["sample"] = _seconds(dataset.__getitem__, i)
                if epoch:
                    times.append(taken | {"decoded": indices[-1] + 1})
                progress()
    finally:
        torch.set_num_threads(threads)
    return _row(decoder, str(preprocessing.stride or "uniform"), len(paths), times)


def clips_per_second(
    decoder: DecoderName,
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    *,
    workers: Sequence[int],
    augmentation: Augmentation = TABLE_S3,
) -> dict[int, float]:
    """Clips per second of wall-clock time that worker processes deliver in an epoch, after one that starts them."""
    result = {}
    for count in workers:
        dataset = _dataset(decoder, paths, preprocessing, augmentation)
        loader = make_loader(dataset, batch_size=8, shuffle=True, num_workers=count)
        seconds = []
        for epoch in range(3):
            dataset.set_epoch(epoch)
            began = time.perf_counter()
            for _ in loader:
                pass
            seconds.append(time.perf_counter() - began)
        result[count] = len(paths) / min(seconds[1:])
    return result


def _dataset(
    decoder: DecoderName, paths: Sequence[Path], preprocessing: Preprocessing, augmentation: Augmentation
) -> VideoDataset:
    records = [VideoRecord(path, 0) for path in paths]
    return VideoDataset(records, preprocessing, augmentation=augmentation, decoder=decoder)


def _parts(dataset: VideoDataset, i: int) -> tuple[list[int], dict[str, float]]:
    """The frames that the data set takes for item ``i``, and seconds of the parts of what it does with them."""
    generator = torch.Generator().manual_seed(mixed_seed(dataset.seed, dataset.epoch, i))
    began = time.process_time()
    reader = VideoReader(dataset.records[i].path, decoder=dataset.decoder)
    opened = time.process_time()
    indices = dataset.sampler(reader.num_frames, generator=generator)
    clip = reader.read(indices, short_side=dataset.preprocessing.decoded_side)
    reader.close()
    read = time.process_time()
    dataset.transform(clip.frames)
    end = time.process_time()
    return indices, {"opening": opened - began, "reading": read - opened, "transform": end - read}


def _seconds(run: Callable[..., object], *arguments: Any) -> float:
    began = time.process_time()
    run(*arguments)
    return time.process_time() - began


def _pyav(path: Path, indices: Sequence[int], pictures: str) -> None:
    """A loop over ``container.decode``, nothing else: no counting of frames, no seeking, no skipping."""
    from av.video.reformatter import VideoReformatter

    from videomamba.data.ffmpeg import open_video

    used = set(indices) if pictures == "used" else range(indices[-1] + 1) if pictures == "every" else ()
    to_rgb = VideoReformatter()
    container, stream = open_video(path)
    with container:
        for i, frame in enumerate(container.decode(stream)):
            if i in used:
                to_rgb.reformat(frame, format="rgb24", threads=1).to_ndarray()
            if i >= indices[-1]:
                return


def _torchcodec(path: Path, indices: Sequence[int], pictures: str) -> None:
    """Its public call for these frames, or for all up to the last; it makes a picture of each that it gives."""
    from torchcodec.decoders import VideoDecoder

    from videomamba.data.ffmpeg import ffmpeg_name

    frames = VideoDecoder(ffmpeg_name(path), num_ffmpeg_threads=1)
    frames.get_frames_at(list(indices if pictures == "used" else range(indices[-1] + 1)))


_ALONE: Mapping[str, Mapping[str, Callable[[Path, Sequence[int]], None]]] = {
    "pyav": {name: partial(_pyav, pictures=name) for name in ("bare", "used", "every")},
    "torchcodec": {name: partial(_torchcodec, pictures=name) for name in ("used", "every")},
}


def _row(decoder: str, sampling: str, clips: int, times: Sequence[Mapping[str, float]]) -> Row:
    def middle(name: str) -> float:
        return 1e3 * statistics.median(taken[name] for taken in times)

    def ratio(name: str) -> float:
        return statistics.median(taken["sample"] / taken[name] for taken in times)

    def of_sums(name: str) -> float:
        return sum(taken["sample"] for taken in times) / sum(taken[name] for taken in times)

    bare = "bare" in times[0]
    return Row(
        decoder=decoder,
        sampling=sampling,
        clips=clips,
        decoded=statistics.median(taken["decoded"] for taken in times),
        bare=middle("bare") if bare else None,
        used=middle("used"),
        every=middle("every"),
        opening=middle("opening"),
        reading=middle("reading"),
        transform=middle("transform"),
        sample=middle("sample"),
        times_bare=ratio("bare") if bare else None,
        times_used=ratio("used"),
        times_every=ratio("every"),
        sums_bare=of_sums("bare") if bare else None,
        sums_used=of_sums("used"),
        sums_every=of_sums("every"),
    )
