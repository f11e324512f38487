"""``videomamba demo``: trains, evaluates and inspects a small VideoMamba in a few minutes."""

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import Console
from rich.table import Table

from videomamba.cli.common.options import Device, Json, option, people, print_json
from videomamba.cli.delta import draw
from videomamba.cli.predict import show_classes

if TYPE_CHECKING:
    from videomamba.data import VideoRecord
    from videomamba.engine import RunConfig
    from videomamba.models import VideoMamba
    from videomamba.tasks.task import Task


def demo(
    output: Annotated[Path, option("DIR")] = Path("runs/demo"),
    device: Device = "auto",
    seed: Annotated[int, option("N")] = 0,
    json: Json = False,
) -> int:
    """Renders videos of moving objects, trains on them, tests what was learnt, and plots the step sizes.

    The classes come in pairs, each the other's time reversal, so that only the order of frames tells them apart.

    Args:
        output: folder of the videos (kept for the next time) and the run
        seed: of the training
    """
    from videomamba.cli.common.options import default_workers
    from videomamba.recipes import synthetic_motions

    run = synthetic_motions(output / "data")
    run = dataclasses.replace(
        run,
        data=dataclasses.replace(run.data, workers=default_workers()),
        output=output / time.strftime("run-%Y%m%d-%H%M%S"),
        device=device,
        seed=seed,
    )
    figures = run_demo(run, people())
    if json:
        print_json(figures)
    return 0


def run_demo(run: "RunConfig", console: Console) -> dict[str, Any]:
    """The whole demo for a run on SyntheticMotions; returns what ``--json`` prints."""
    from videomamba.cli.train import says_how_to_go_on
    from videomamba.engine.device import make_accelerator
    from videomamba.experiments import run as make_run
    from videomamba.inference.recognize import recognize
    from videomamba.models import VideoMamba
    from videomamba.tasks.recognition import Recognition

    began = time.perf_counter()
    again = ["train", run.name, str(run.data.root), "--seed", str(run.seed), "--output", str(run.output)]
    with says_how_to_go_on(run, again):
        result = make_run(run, console=console)
    figures: dict[str, Any] = {"run": str(result.folder), "seconds": round(time.perf_counter() - began, 1)}

    checkpoint = result.folder / "last"  # best/ was chosen on the clips that are tested here
    model = VideoMamba.from_pretrained(checkpoint)
    names = result.splits.test.class_names
    records = result.splits.test.records
    device = make_accelerator(run.device).device
    model.to(device)
    figures |= {"chance": 1 / len(names), **_test(run, model, Recognition(names), records)}
    console.print(_table(figures))

    shown = records[len(records) // 2].path
    console.print(f"one of these clips, of the class {names[records[len(records) // 2].label]}:")
    show_classes(next(recognize(model, [shown], device=device, top_k=3)), console)
    figures["delta_maps"] = str(result.folder / "delta.png")
    _draw(model, shown, Path(figures["delta_maps"]))
    console.print(f"what each layer takes in (step sizes): {figures['delta_maps']}", soft_wrap=True)
    console.print(f"next: videomamba predict {shown} --checkpoint {checkpoint}", soft_wrap=True)
    console.print(f"or on your own, one folder per class: videomamba train DIR --start {checkpoint}", soft_wrap=True)
    return figures


def _test(run: "RunConfig", model: "VideoMamba", task: "Task", records: "tuple[VideoRecord, ...]") -> dict[str, float]:
    """Top-1 on the held-out clips, unchanged and with changes that keep the appearance but not the order."""
    from videomamba.data import Annotations
    from videomamba.data.synthetic import SyntheticMotions, class_names, reversed_class
    from videomamba.engine import evaluate, evaluation_loader
    from videomamba.engine.device import make_accelerator
    from videomamba.inference.perturb import one_frame, reversed_time, shuffled_frames

    assert isinstance(run.data.synthetic, SyntheticMotions)
    names = class_names(run.data.synthetic.level)
    paired = tuple(
        dataclasses.replace(record, label=names.index(reversed_class(names[record.label]))) for record in records
    )
    accelerator = make_accelerator(run.device)

    def top1(videos: "tuple[VideoRecord, ...]", change: Any = None) -> float:
        loader = evaluation_loader(
            task,
            Annotations(videos, task.class_names),
            model.preprocessing,
            batch_size=run.optim.batch_size,
            workers=run.data.workers,
        )
        return evaluate(model, task, loader, accelerator, change=change)["top1"]

    return {
        "top1": top1(records),
        "top1_shuffled": top1(records, shuffled_frames(run.seed)),
        "top1_one_frame": top1(records, one_frame),
        "reversed_to_pair": top1(paired, reversed_time),
    }


def _table(figures: dict[str, Any]) -> Table:
    table = Table("held-out clips", "", "what it means", title="What the model has learnt", title_justify="left")
    for key, name, meaning in (
        ("top1", "as they are", "clips classified correctly"),
        ("top1_shuffled", "frames in random order", "the same appearance without the motion: must be lower"),
        ("top1_one_frame", "one frame, repeated", "appearance alone: near chance"),
        ("reversed_to_pair", "played backwards", "clips classified as the reversed motion"),
        ("chance", "guessing", "one over the number of classes"),
    ):
        table.add_row(name, f"{100 * figures[key]:.1f} %", meaning)
    return table


def _draw(model: "VideoMamba", video: Path, file: Path) -> None:
    """The delta maps of one clip as a picture."""
    import torch

    from videomamba.data import load_clip
    from videomamba.viz.delta import Drawing

    clip = load_clip(video, model.preprocessing)
    with torch.inference_mode():
        maps = model.delta_maps(clip.video[None].to(next(model.parameters()).device))[0].cpu()
    draw(file, clip, maps, Drawing(scale="layer"), title=video.parent.name)
