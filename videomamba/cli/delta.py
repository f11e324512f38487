"""``videomamba delta``: where and when each layer takes in a video, and how that differs inside of a region."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.progress import Progress
from rich.table import Table

from videomamba.cli.common.options import Checkpoint, Device, Flag, Json, option, people, print_json
from videomamba.cli.common.outputs import PICTURES, check_suffix
from videomamba.errors import UserError
from videomamba.files import check_writable, printable, whole_file

if TYPE_CHECKING:
    from torch import Tensor

    from videomamba.data import ModelClip
    from videomamba.inference.step_contrast import LayerContrast
    from videomamba.models import VideoMamba
    from videomamba.viz.curves import LayerSteps
    from videomamba.viz.delta import Drawing


def delta(
    videos: Annotated[tuple[str, ...], tyro.conf.Positional, option("VIDEO...")],
    checkpoint: Checkpoint,
    layers: Annotated[str | None, option("N,N,...")] = None,
    out: Annotated[Path | None, option("FILE")] = None,
    direction: Literal["both", "forward", "backward"] = "both",
    scale: Literal["shared", "layer"] = "shared",
    overlay: Flag = False,
    curve: Annotated[Path | None, option("FILE")] = None,
    compare: Annotated[str | None, option("MASKS|BOXES.csv|person|moving")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Plots the step sizes of the state space model, per layer, over the frames of a video.

    Small steps (dark) keep the past, large ones take in the current token (the paper's Figs. S1-S3). With --compare:
    how much larger they are inside of a region than outside, over many videos.

    Args:
        videos: a file, or the http(s) URL of one; its central clip is shown, as predict sees it. With --compare also
            several files, folders, lists and patterns
        layers: rows to draw, such as 0,6,12,18,21 (five, evenly spread)
        out: picture (.png, .pdf, .svg), video (.mp4) or web page (.html) to write; by default VIDEO_delta.png in the
            current folder, or delta_compare.png
        direction: forward, backward, or the mean of both
        scale: one scale shared by all layers, or each layer on its own
        overlay: lay the maps over the frames
        curve: also plot the mean step size of every layer there
        compare: the region: a folder with a mask (video or picture) for each video, a file of boxes, people that Faster
            R-CNN finds, or the quarter of all pixels that change most
    """
    from videomamba.viz.delta import Drawing

    how = Drawing(None if layers is None else _numbers(layers), direction, scale, overlay)
    if compare is None and len(videos) != 1:
        raise UserError(f"{len(videos)} videos given; give one, or --compare to compare step sizes over all of them")
    if compare is None:
        return _maps(videos[0], checkpoint, how, out, curve, device, json=json)
    if how != Drawing() or curve is not None:
        raise UserError(
            "--layers, --direction, --scale, --overlay and --curve are for the maps of one video; leave them out with "
            "--compare"
        )
    return _compare(videos, checkpoint, compare, out or Path("delta_compare.png"), device, json=json)


def _maps(
    video: str, checkpoint: str, how: "Drawing", out: Path | None, curve: Path | None, device: Device, *, json: bool
) -> int:
    """The maps of one video."""
    import torch

    from videomamba.data import load_clip
    from videomamba.inference.device import resolve_device
    from videomamba.inference.source import as_file, file_stem
    from videomamba.viz.curves import depth_trend, layer_steps
    from videomamba.viz.delta import check_layers

    file = Path(f"{file_stem(video)}_delta.png") if out is None else out
    check_suffix("--out", file, (*PICTURES, ".mp4", ".html"))
    check_writable(file, folder=False)
    if curve is not None:
        check_suffix("--curve", curve)
        check_writable(curve, folder=False)
        if curve.resolve() == file.resolve():
            raise UserError(f"--curve {curve} is the file of the maps too; name another")
    where = resolve_device(device)
    model = _with_steps(checkpoint)
    how = dataclasses.replace(how, layers=check_layers(how.layers, model.config.depth))
    with as_file(video) as path:
        clip = load_clip(path, model.preprocessing)
    model.to(where)
    with torch.inference_mode():
        maps = model.delta_maps(clip.video[None].to(where))[0].cpu()
    steps = layer_steps(maps)
    console = people()
    console.print(_table(steps))
    console.print(f"{depth_trend(steps)}; this clip, this checkpoint", soft_wrap=True)
    if json:
        print_json(
            {
                "video": video,
                "out": file,
                "curve": curve,
                "shape": list(maps.shape),
                "frames": clip.indices.tolist(),
                "trend": depth_trend(steps),
                "layers": [dataclasses.asdict(step) for step in steps],
            }
        )
    draw(file, clip, maps, how, title=printable(Path(video).name), note=f"{checkpoint}: {depth_trend(steps)}.")
    console.print(f"wrote {file}", soft_wrap=True)
    if curve is not None:
        draw_curve(curve, steps, title=f"{printable(Path(video).name)}, {checkpoint}")
        console.print(f"wrote {curve}", soft_wrap=True)
    return 0


def draw(file: Path, clip: "ModelClip", maps: "Tensor", how: "Drawing", *, title: str, note: str = "") -> None:
    """Writes maps (depth, 2, t, h, w) of a clip as what the file's suffix says; the file appears whole."""
    from videomamba.viz.delta import DeltaRows, delta_figure

    times = clip.timestamps.tolist()
    with whole_file(file) as temporary:
        if file.suffix == ".mp4":
            from videomamba.data.video_writer import video_file
            from videomamba.viz.delta_video import delta_film

            rows = DeltaRows.of(maps, (clip.frames.shape[2], clip.frames.shape[3]), how)
            film = list(delta_film(clip.frames, rows, overlay=how.overlay, title=title))
            height, width = film[0].shape[:2]
            moving = all(b > a for a, b in itertools.pairwise(times))  # else frames are repeated: a short video
            with video_file(temporary, height=height, width=width, fps=clip.frames_per_second) as writer:
                for picture, moment in zip(film, times, strict=True):
                    writer.write(picture, moment - times[0] if moving else None)
        elif file.suffix == ".html":
            from videomamba.viz.delta_page import delta_page

            page = delta_page(clip.frames, maps, how, timestamps=times, title=title, note=note)
            temporary.write_text(page, encoding="utf-8")
        else:
            figure = delta_figure(clip.frames, maps, how, timestamps=times, title=title)
            figure.savefig(temporary, format=file.suffix[1:], dpi=120)


def draw_curve(file: Path, steps: "list[LayerSteps]", *, title: str) -> None:
    from videomamba.viz.curves import delta_curve

    with whole_file(file) as temporary:
        delta_curve(steps, title=title).savefig(temporary, format=file.suffix[1:], dpi=120)


def _compare(videos: Sequence[str], checkpoint: str, compare: str, out: Path, device: Device, *, json: bool) -> int:
    """Steps inside of a region over those outside, over all videos."""
    from videomamba.inference.device import resolve_device
    from videomamba.inference.regions import make_region
    from videomamba.inference.source import named_sources
    from videomamba.inference.step_contrast import contrast_steps
    from videomamba.viz.contrast import contrast_figure

    check_suffix("--out", out)
    check_writable(out, folder=False)
    console, where = people(), resolve_device(device)
    given = named_sources(videos)
    found = [video for video in given if isinstance(video, Path)]
    if len(found) < len(given):
        other = next(video for video in given if not isinstance(video, Path))
        raise UserError(f"{other} is no file; --compare takes video files, folders, patterns and lists of them")
    model = _with_steps(checkpoint)
    region = make_region(compare, device=where, tubelet=model.config.tubelet_size)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("videos", total=len(found))
        result = contrast_steps(model, found, region, device=where, progress=lambda: bar.advance(task))
    if result.without:
        first = printable(str(result.without[0]))
        console.print(f"note: {len(result.without)} videos have no such region, or nothing else, the first {first}")
    title = (
        f"{printable(checkpoint)}, {result.clips} clips, region {printable(compare)} ({result.inside:.1%} of pixels)"
    )
    console.print(_contrast_table(result.layers, title))
    if json:
        # one clip has no interval: null, which JSON has, for NaN, which it has not
        rows = [{k: None if v != v else v for k, v in dataclasses.asdict(row).items()} for row in result.layers]
        left = [str(path) for path in result.without]
        print_json({"out": out, "clips": result.clips, "left_out": left, "inside": result.inside, "layers": rows})
    clip, shown = result.shown
    with whole_file(out) as temporary:
        figure = contrast_figure(result.layers, clip.frames, shown, title=title)
        figure.savefig(temporary, format=out.suffix[1:], dpi=120)
    console.print(f"wrote {out}", soft_wrap=True)
    return 0


def _with_steps(checkpoint: str) -> "VideoMamba":
    """
    Raises:
        UserError: no checkpoint, or one of a model without step sizes.
    """
    from videomamba.models import VideoMamba, load_model

    model = load_model(checkpoint)
    if not isinstance(model, VideoMamba):
        raise UserError(f"{checkpoint} is {type(model).__name__}, which has no step sizes; only VideoMamba has")
    return model


def _contrast_table(rows: "Sequence[LayerContrast]", title: str) -> Table:
    head = ("layer", "direction", "inside / outside", "above 1", "at the same place")
    table = Table(*head, title=f"steps inside / outside (95 %): {title}", title_justify="left")
    for row in rows:
        table.add_row(
            str(row.layer),
            row.direction,
            f"{row.ratio:.3f} ({row.low:.3f}-{row.high:.3f})",
            f"{row.share:.0%}",
            f"{row.placed:.3f} ({row.placed_low:.3f}-{row.placed_high:.3f})",
        )
    return table


def _table(steps: "list[LayerSteps]") -> Table:
    table = Table("layer", "direction", "mean", "min", "max", title="step sizes", title_justify="left")
    for step in steps:
        numbers = (f"{value:.4g}" for value in (step.mean, step.min, step.max))
        table.add_row(str(step.layer), step.direction, *numbers)
    return table


def _numbers(layers: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in layers.split(","))
    except ValueError:
        raise UserError(f"--layers {layers}: give numbers with commas between them, such as 0,6,12") from None
