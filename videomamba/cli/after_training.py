"""What is said when a run has ended: its figures, and the commands that go on from it."""

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from videomamba.engine import RunConfig
    from videomamba.experiments import RunResult


def tell(run: "RunConfig", result: "RunResult", console: Console) -> None:
    """Lines for people: what was reached, where the models are, what to do with them."""
    figures, commands = _WORDS[run.task](run, result)
    for line in figures:
        console.print(line, soft_wrap=True)
    for command in commands:
        console.print(f"next: {shlex.join(map(str, command))}", soft_wrap=True)


_Words = tuple[Sequence[str], Sequence[Sequence[object]]]


def _recognition(run: "RunConfig", result: "RunResult") -> _Words:
    from videomamba.engine.run_folder import SPLITS

    folder, last, best = result.folder, result.last, result.best
    figures = (
        f"top-1 of {len(result.splits.test)} held-out videos: "
        f"{100 * last['top1']:.1f} % at the end, {folder / 'last'}; "
        f"at best {100 * best['top1']:.1f} % after epoch {best['epoch']}, {folder / 'best'}"
    )
    return [figures], [
        ["videomamba", "predict", result.splits.test.records[0].path, "--checkpoint", folder],
        ["videomamba", "evaluate", folder, run.data.root, "--split", folder / SPLITS],
    ]


def _detection(run: "RunConfig", result: "RunResult") -> _Words:
    figures = [
        f"mAP on {len(result.splits.test)} held-out keyframes {100 * row['mAP']:.1f} % after epoch {row['epoch']}, "
        f"{result.folder / name}"
        for name, row in (("last", result.last), ("best", result.best))
    ]
    video = result.splits.test.records[0].path
    return figures, [["videomamba", "detect", video, "--checkpoint", result.folder / "last"]]


def _segmentation(run: "RunConfig", result: "RunResult") -> _Words:
    from videomamba.tasks.metrics.segmentation import FIGURES

    figures = [
        f"{len(result.splits.test)} held-out videos after epoch {row['epoch']}: "
        f"{'  '.join(f'{figure} {row[figure]:.1f}' for figure in FIGURES)}  ({result.folder / name})"
        for name, row in (("last", result.last), ("best", result.best))
    ]
    features = result.splits.test.records[0].path
    return figures, [["videomamba", "segment", features, "--checkpoint", result.folder / "last"]]


_WORDS: dict[str, Callable[["RunConfig", "RunResult"], _Words]] = {
    "recognition": _recognition,
    "detection": _detection,
    "segmentation": _segmentation,
}
