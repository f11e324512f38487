"""``videomamba features``: a long video as a sequence of features, for segmentation and more."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.progress import Progress

from videomamba.cli.common import many as many_videos
from videomamba.cli.common.many import Many, ManyOptions
from videomamba.cli.common.options import Checkpoint, Device, Json, option, people, print_json
from videomamba.errors import UserError
from videomamba.files import check_writable

if TYPE_CHECKING:
    import torch

    from videomamba.inference.source import Source

Step = Annotated[int | None, option("N", "source frames from one frame of a window to the next (the checkpoint's own)")]
Overlap = Annotated[float, option("SHARE", "of a window that the next one sees again")]


def features(
    videos: Annotated[list[str], tyro.conf.Positional, option("VIDEO...")],
    checkpoint: Checkpoint,
    output: Annotated[Path, option("DIR")] = Path("features"),
    stride: Annotated[int, option("N")] = 1,
    step: Step = None,
    overlap: Overlap = 0.5,
    batch_size: Annotated[int, option("N")] = 4,
    device: Device = "auto",
    many: Many = ManyOptions(),  # noqa: B008  (frozen)
    json: Json = False,
) -> int:
    """Writes features of a video's frames: NAME.npy, (C, T) float32, and NAME.json with fps, stride and model.

    The model runs on overlapping windows; memory does not grow with the video. A file that cannot be read is skipped,
    and the exit status is then 2. With --engine there is one embedding per video instead, of its central clip, in
    Parquet files, and VIDEO may also be a glob, or a list of videos (.csv, .txt, .parquet).

    Args:
        videos: video files, folders to search for them, globs, lists (.txt, .csv), URLs, - for standard input, cameras
        output: folder of the files
        stride: source frames from one feature to the next; 1 gives each frame the feature of its tubelet
        batch_size: windows, or with --engine videos, at a time
    """
    from videomamba.data import VideoError
    from videomamba.inference.device import resolve_device
    from videomamba.inference.features import check_options, load_backbone, windows_for
    from videomamba.inference.source import file_stem, single_sources

    if not videos:
        raise UserError("no video given; name at least one file or folder")
    if many.engine is not None:
        if (stride, step, overlap) != (1, None, 0.5):
            raise UserError("--stride, --step and --overlap are for features of frames; leave out --engine")
        how = {"device": device, "what": "features", "batch_size": batch_size}
        return many_videos.run(videos, checkpoint, output, many, json, **how)
    many.check_unused("--engine local|ray")
    console, where = people(), resolve_device(device)
    found = list(single_sources(videos))
    sources = list({s.resolve() if isinstance(s, Path) else s: s for s in found}.values())  # without duplicates
    targets = _targets(output, [file_stem(source) for source in sources])
    model = load_backbone(checkpoint)
    windows_for(model, step=step, overlap=overlap)
    check_options(stride=stride, batch_size=batch_size)
    results: list[dict[str, Any]] = []
    for source, target in zip(sources, targets, strict=True):
        try:
            results.append(
                extract(
                    model,
                    source,
                    target,
                    name=checkpoint,
                    stride=stride,
                    step=step,
                    overlap=overlap,
                    batch_size=batch_size,
                    device=where,
                    console=console,
                )
            )
            channels, length = results[-1]["shape"]
            each = "frame" if stride == 1 else f"{stride} frames"
            console.print(f"{target}: {channels} channels, {length} features, one for every {each}", soft_wrap=True)
        except VideoError as error:
            results.append({"video": str(source), "error": str(error)})
            console.print(f"error: {error}", soft_wrap=True)
    if json:
        print_json(results)
    return 2 if any("error" in result for result in results) else 0


def _targets(output: Path, stems: Sequence[str]) -> list[Path]:
    """The file of each video's features.

    Raises:
        UserError: two are the same, or one cannot be written.
    """
    twice = next((stem for i, stem in enumerate(stems) if stem in stems[:i]), None)
    if twice is not None:
        raise UserError(f"two videos are called {twice}; their features would have the same name: run them apart")
    check_writable(output, folder=True)
    for path in (output / f"{stem}{suffix}" for stem in stems for suffix in (".npy", ".json")):
        check_writable(path, folder=False)
    return [output / f"{stem}.npy" for stem in stems]


def extract(
    model: Any,
    video: "Source",
    target: Path,
    *,
    name: str,
    stride: int = 1,
    step: int | None = None,
    overlap: float = 0.5,
    batch_size: int = 4,
    device: "torch.device",
    console: Console,
) -> dict[str, Any]:
    """Writes one video's features, with a bar for people, and returns what the json beside them says."""
    from videomamba.inference.features import windows_for, write_features

    windows = windows_for(model, step=step, overlap=overlap)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(target.stem)
        info = write_features(
            target,
            model,
            video,
            windows,
            name=name,
            device=device,
            stride=stride,
            batch_size=batch_size,
            on_window=lambda done, total: bar.update(task, completed=done, total=total),
        )
    return {**dataclasses.asdict(info), "features": str(target)}
