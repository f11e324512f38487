"""``videomamba train RECIPE --splits all``: a run for each published split, and their mean."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from videomamba.engine import RunConfig


def train_all_splits(
    run: "RunConfig", console: Console, run_training: Callable[..., Any], *, command: list[str], resume: bool
) -> dict[str, Any]:
    """Trains in ``OUTPUT/split-N``, writes ``OUTPUT/result.json`` and ``result.md``, and returns what is in the former.

    After Ctrl-C or a crash, the same with ``resume`` keeps the splits that are done and goes on in the one at work.
    """
    from videomamba.engine import check_run
    from videomamba.engine.device import make_accelerator
    from videomamba.engine.folds import as_markdown, folds_of, train_folds, write_folds
    from videomamba.engine.train import open_folder

    folds = folds_of(run)
    check_run(run, resume=resume)
    accelerator = make_accelerator(run.device)
    folder = open_folder(run, accelerator, resume=resume)
    if resume:
        folder.check_config(run)
    elif accelerator.is_main_process:
        folder.write_config(run)
    accelerator.wait_for_everyone()
    if run.output is None:
        command = [*command, "--output", str(folder.path)]

    def train_one(one: "RunConfig", go_on: bool) -> None:
        assert one.output is not None
        console.print(f"split {one.data.fold} of {len(folds)}: {one.output}", soft_wrap=True)
        run_training(one, console, command=command, resume=go_on)

    result = train_folds(dataclasses.replace(run, output=folder.path), folder, train_one)
    if accelerator.is_main_process:
        write_folds(folder.path, result)
    accelerator.wait_for_everyone()
    console.print(as_markdown(result), soft_wrap=True)
    console.print(f"mean of {len(folds)} splits: {folder.path / 'result.md'}", soft_wrap=True)
    return {"run": folder.path, **result}
