"""``videomamba train``: a recipe, or a folder of your own videos."""

import dataclasses
import difflib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import Progress

from videomamba.cli.after_training import tell
from videomamba.cli.annotated import Layout, point_out_missing, point_out_notes
from videomamba.cli.options import (
    Device,
    Flag,
    HoldOut,
    InMemory,
    Json,
    LeaveOut,
    SkipBroken,
    Split,
    Workers,
    invocation,
    named_options,
    option,
    people,
    print_json,
    require_split,
)
from videomamba.cli.overrides import overridden
from videomamba.cli.train_splits import train_all_splits
from videomamba.errors import UserError
from videomamba.files import read_csv_lines

if TYPE_CHECKING:
    from videomamba.engine import RunConfig, TrainResult
    from videomamba.engine.data import Splits

_ONE_OF = tyro.conf.create_mutex_group(required=False, title="mirror images")


def train(
    what: Annotated[str, tyro.conf.Positional, option("DIR|RECIPE")],
    data: Annotated[Path | None, option("DIR")] = None,
    data_option: Annotated[tuple[str, ...], option("NAME=VALUE...")] = (),
    split: Split = None,
    hold_out: HoldOut = None,
    layout: Layout = None,
    splits: Annotated[int | Literal["all"] | None, option("N|all")] = None,
    model: Annotated[str | None, option("NAME")] = None,
    start: Annotated[str | None, option("CHECKPOINT")] = None,
    freeze: Annotated[int | Literal["backbone"] | None, option("N|backbone")] = None,
    epochs: Annotated[int | None, option("N")] = None,
    batch_size: Annotated[int | None, option("N")] = None,
    lr: Annotated[float | None, option("X")] = None,
    layer_decay: Annotated[float | None, option("X")] = None,
    frames: Annotated[int | None, option("N")] = None,
    stride: Annotated[int | Literal["uniform"] | None, option("N|uniform")] = None,
    size: Annotated[int | tuple[int, int] | None, option("PIXELS|HEIGHT WIDTH")] = None,
    flip: Annotated[Flag, _ONE_OF] = False,
    no_flip: Annotated[Flag, _ONE_OF] = False,
    accumulate: Annotated[int | None, option("N")] = None,
    bf16: Flag = False,
    ema: Annotated[float | None, option("DECAY")] = None,
    grad_checkpointing: Flag = False,
    compile: Flag = False,
    fsdp: Flag = False,
    trackers: Annotated[tuple[str, ...] | None, option("NAME...")] = None,
    checkpoint_steps: Annotated[int | None, option("N")] = None,
    output: Annotated[Path | None, option("DIR")] = None,
    resume: Flag = False,
    device: Device = "auto",
    seed: Annotated[int, option("N")] = 0,
    leave_out: LeaveOut = None,
    skip_broken: SkipBroken = 0,
    workers: Workers = None,
    in_memory: InMemory = False,
    json: Json = False,
) -> int:
    """Trains a model on videos, from scratch or from a checkpoint.

    A folder has one folder per class in it, or train/ and test/ with one folder per class each; with val/ beside them,
    that part chooses the best epoch. Without these and without --split, about a fifth of every class is held out for
    the test. After Ctrl-C or a crash the same command with
    --output and --resume goes on. On several GPUs or machines: `torchrun --nproc-per-node N -m videomamba.cli.main
    train ...`, or `accelerate launch`; each process takes batches of its own.

    Args:
        what: a folder of videos, or a recipe's name (a folder of that name is ./NAME)
        data: where a recipe's videos are, or are rendered to
        splits: which of a data set's published splits (the first), or all, one after the other, and their mean
        data_option: how a recipe's annotations are read, such as keyframes=even:22 (see docs/detection.md)
        model: name of an architecture (see `videomamba models`); with --start, its weights are fitted to it
        start: checkpoint to fine-tune, instead of a fresh model; also a file of Vim or OpenGVLab's VideoMamba
        freeze: leave the stem and the first N blocks as they are, or all but the head (backbone)
        epochs: rounds through the training videos
        batch_size: clips of one batch, in each process (a recipe of the paper: 64 in a step, whatever the processes)
        lr: learning rate at the top of its schedule
        layer_decay: each layer's learning rate over the next one's, such as 0.75; the head has the whole
        frames: frames of a clip
        stride: source frames from one frame of a clip to the next, or uniform: evenly over the whole video
        size: frame size that the model sees, one number or height and width
        flip: turn training clips left to right at random
        no_flip: never do (where left and right tell classes apart)
        accumulate: batches that make one step; for a recipe of the paper, parts of the 64 clips
        bf16: train in bfloat16 where that is safe
        ema: test and save weights averaged over the steps with this decay, such as 0.999
        grad_checkpointing: use less memory and more time
        compile: use torch.compile
        fsdp: split weights, gradients and optimiser over the processes
        trackers: of accelerate, such as wandb (tensorboard)
        checkpoint_steps: steps from one full checkpoint to the next (every ten minutes)
        output: the run's folder; by default runs/<name>-<date-time>
        resume: go on with the run in --output
        seed: of everything that is random
    """
    require_split(split, hold_out)
    run = overridden(
        _configure(what, data, start),
        split=split,
        hold_out=hold_out,
        layout=layout,
        fold=None if splits == "all" else splits,
        frames=frames,
        stride=stride,
        size=size,
        flip=flip if flip or no_flip else None,
        workers=workers,
        in_memory=in_memory,
        model=model,
        start=start,
        freeze=freeze,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        layer_decay=layer_decay,
        accumulate=accumulate,
        bf16=bf16,
        ema=ema,
        grad_checkpointing=grad_checkpointing,
        compile=compile,
        fsdp=fsdp,
    )
    run = dataclasses.replace(
        run,
        data=dataclasses.replace(
            run.data,
            options={**run.data.options, **named_options(data_option)},
            leave_out=leave_out,
            skip_broken=skip_broken,
        ),
        checkpoint_steps=checkpoint_steps,
        trackers=run.trackers if trackers is None else trackers,
        output=output,
        device=device,
        seed=seed,
    )
    console = people()
    command = ["videomamba", *(word for word in invocation.get() if word != "--resume")]
    if splits == "all":
        means = train_all_splits(run, console, run_training, command=command, resume=resume)
        if json:
            print_json(means)
        return 0
    result, videos = run_training(run, console, command=command, resume=resume)
    tell(run, result, videos, console)
    if json:
        print_json({"run": result.folder, "best": result.best, "last": result.last})
    return 0


def run_training(
    run: "RunConfig", console: Console, *, command: list[str], resume: bool = False
) -> "tuple[TrainResult, Splits]":
    """Reads (or renders) the videos and trains; where that is interrupted, ``command --resume`` is how to go on."""
    from videomamba.engine import TrainingInterrupted, check_run, load_splits
    from videomamba.engine import train as train_run
    from videomamba.engine.device import make_accelerator
    from videomamba.tasks.catalogue import make_task

    check_run(run, resume=resume)
    if run.data.synthetic is not None and not run.data.root.exists():
        console.print(f"rendering {type(run.data.synthetic).__name__} to {run.data.root}", soft_wrap=True)
    _point_out_csv(run, console)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        rendering = bar.add_task("rendering", visible=False)

        def rendered(done: int, total: int) -> None:
            bar.update(rendering, completed=done, total=total, visible=True)

        with make_accelerator(run.device).main_process_first():  # others find what it rendered
            splits = load_splits(run.data, seed=run.seed, progress=rendered)
    point_out_notes(splits, console)
    task = make_task(run.task, splits["train"].class_names, label_smoothing=run.optim.label_smoothing)
    chosen = f"{len(splits['val'])} to choose the best epoch, " if "val" in splits else ""
    counts = f"{len(splits['train'])} to train, {chosen}{len(splits['test'])} held out"
    console.print(f"{counts}, {len(task.class_names)} classes", soft_wrap=True)
    point_out_missing(splits, console)
    try:
        return train_run(run, task, splits, resume=resume, console=console), splits
    except TrainingInterrupted as stop:
        where = [] if run.output is not None else ["--output", str(stop.folder)]
        go_on = shlex.join([*command, *where, "--resume"])
        raise KeyboardInterrupt(f"{stop}; go on with: {go_on}") from stop


def _configure(what: str, data: Path | None, start: str | None) -> "RunConfig":
    """The recipe that ``what`` names, else the one for a folder."""
    from videomamba.recipes import RECIPES, folder

    if what in RECIPES:
        run = RECIPES[what](data)
        if run.data.synthetic is None and not run.data.root.is_dir():
            raise UserError(f"{run.data.root} is not a folder; --data DIR names the one that has the data of {what}")
        return run
    near = difflib.get_close_matches(what, RECIPES, n=3)
    there_are = f"did you mean {' or '.join(near)}?" if near else "`videomamba recipes` lists them"
    if data is not None:
        raise UserError(f"--data goes with a recipe, and {what!r} is none ({there_are}); a folder is given alone")
    if not Path(what).is_dir():
        raise UserError(f"there is no folder {what!r} and no recipe of that name: {there_are}")
    return folder(Path(what), start=start)


def _columns(file: Path) -> list[str]:
    try:
        return next(read_csv_lines(file), (1, []))[1]
    except UserError:
        return []


def _point_out_csv(run: "RunConfig", console: Console) -> None:
    """One line about a csv file that lies with the videos and is not used."""
    if run.data.split is not None or run.data.synthetic is not None or run.data.layout != "folder":
        return
    for found in (run.data.root / "clips.csv", run.data.root.parent / "clips.csv"):
        if found.is_file():
            columns = _columns(found)
            hold_out = "" if "split" in columns else f" --hold-out COLUMN=VALUE,... (it has {', '.join(columns)})"
            console.print(f"note: {found} is not used; --split {found}{hold_out} would split by it", soft_wrap=True)
            return
