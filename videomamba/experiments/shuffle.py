"""Accuracy of trained runs on their test videos with shuffled frames, overall and per class."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from videomamba.data import read_csv
from videomamba.engine import evaluate, evaluation_loader, model_labels
from videomamba.engine.device import make_accelerator
from videomamba.engine.run_folder import RESULT, SPLITS, RunFolder
from videomamba.errors import UserError
from videomamba.experiments.published import SHUFFLE
from videomamba.experiments.table import Figure, write_table
from videomamba.files import read_json, whole_file, write_json
from videomamba.inference.device import resolve_device
from videomamba.inference.perturb import SHUFFLES
from videomamba.machine import machine_line
from videomamba.models import load_model
from videomamba.models.weights.folder import WEIGHTS
from videomamba.tables import write_csv
from videomamba.tasks.recognition import Recognition

Reports = dict[str, dict[str, Any]]  # shuffle -> top1, count and per_class: name -> [right videos, videos]


def find_runs(folder: Path) -> dict[str, RunFolder]:
    """The finished runs in a folder and below, by their paths in it.

    Raises:
        UserError: there is none.
    """
    found = {str(run.path.relative_to(folder)): run for run in RunFolder.finished(folder)}
    if not found:
        raise UserError(f"{folder} holds no finished run (a folder with {RESULT} and last/)")
    return found


def compare_shuffles(
    runs: Mapping[str, RunFolder],
    output: Path,
    *,
    device: str = "auto",
    batch_size: int = 16,
    workers: int = 0,
    console: Console | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """Tests the last weights of finished runs under each shuffle; writes a table, ``per_class.csv`` and a picture.

    Args:
        runs: name -> run; what came out of each is kept in ``output/shuffled/<name>/reports.json``.
        output: the study's folder.
        device: where to compute.
        batch_size: clips of one batch.
        workers: processes that read videos.
        console: told what happens; standard error by default.
        command: how to repeat it, for the table.

    Returns:
        ``table`` and ``picture``, paths; ``top1``: shuffle -> percent of each run; ``per_class``: class -> shuffle ->
        percent over all runs, None for a class without videos.

    Raises:
        UserError: a run's videos or weights are no longer there.
    """
    from videomamba.viz.shuffles import shuffle_figure

    console = console or Console(stderr=True, highlight=False, markup=False)
    reports = []
    for place, (name, run) in enumerate(runs.items(), start=1):
        console.print(f"[{place}/{len(runs)}] {run.path}", soft_wrap=True)
        file = output / "shuffled" / name / "reports.json"
        reports.append(shuffled(run, file, device=device, batch_size=batch_size, workers=workers))
    figures = [figure for run, report in zip(runs.values(), reports, strict=True) for figure in _figures(run, report)]
    facts = {
        **({} if command is None else {"Command": f"`{command}`"}),
        "Runs": ", ".join(f"`{run.path}`" for run in runs.values()),
        "Machine": machine_line(resolve_device(device)),
    }
    table = write_table(output, SHUFFLE, figures, data="here", facts=facts, wanted=len(figures))
    classes = per_class(reports)
    labels = {variant.name: variant.label for variant in SHUFFLE.variants}
    write_csv(output / "per_class.csv", [{"class": name, **row} for name, row in classes.items()], ["class", *labels])
    top1 = {name: [100 * report[name]["top1"] for report in reports] for name in labels}
    title = f"test frames shuffled, {len(runs)} run{'s' if len(runs) > 1 else ''}"
    with whole_file(output / "shuffle.png") as temporary:
        shuffle_figure(labels, top1, classes, title=title).savefig(temporary, format="png", dpi=150)
    console.print(table, soft_wrap=True)
    console.print(f"per class: {output / 'per_class.csv'}, {output / 'shuffle.png'}", soft_wrap=True)
    return {"table": output / "table.md", "picture": output / "shuffle.png", "top1": top1, "per_class": classes}


def shuffled(run: RunFolder, file: Path, *, device: str, batch_size: int, workers: int) -> Reports:
    """Tests a run's ``last/`` on the videos that it held out under each shuffle; ``file`` keeps what came out of it.

    Raises:
        UserError: the run's videos or weights are no longer there.
    """
    of = _fingerprint(run)
    kept = read_json(file) if file.is_file() else {}
    if kept.get("of") == of:
        return cast(Reports, kept["reports"])
    accelerator = make_accelerator(device)
    model = load_model(run.last)
    task = Recognition(model.class_names or ())
    part = model_labels(read_csv(run.path / SPLITS, root=run.config()["data"]["root"])["test"], task.class_names)
    loader = evaluation_loader(task, part, model.preprocessing, batch_size=batch_size, workers=workers, in_memory=True)
    model, loader = accelerator.prepare(model, loader)
    counts = [sum(record.label == label for record in part.records) for label in range(len(task.class_names))]
    reports: Reports = {}
    for name, change in SHUFFLES.items():
        report = evaluate(model, task, loader, accelerator, change=change)
        shares = report["per_class"]
        right = {c: [round((shares[c] or 0) * n), n] for c, n in zip(task.class_names, counts, strict=True)}
        reports[name] = {"top1": report["top1"], "count": report["count"], "per_class": right}
    write_json(file, {"of": of, "reports": reports})
    return reports


def _fingerprint(run: RunFolder) -> str:
    """Of the run's weights and of its videos."""
    digest = hashlib.sha256()
    for file in (run.last / WEIGHTS, run.path / SPLITS):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _figures(run: RunFolder, reports: Reports) -> list[Figure]:
    config = run.config()
    fold = str(config["data"]["hold_out"] or config["data"]["fold"] or "")
    return [
        Figure(name, config["seed"], fold, report["top1"], report["count"], None, run.path)
        for name, report in reports.items()
    ]


def per_class(reports: Sequence[Reports]) -> dict[str, dict[str, float | None]]:
    """Class -> shuffle -> accuracy in percent over all runs; None for a class without videos."""
    names = sorted({name for report in reports for name in report["none"]["per_class"]})
    return {name: {shuffle: _share([r[shuffle]["per_class"].get(name, [0, 0]) for r in reports])
                   for shuffle in SHUFFLES} for name in names}  # fmt: skip


def _share(pairs: Sequence[Sequence[int]]) -> float | None:
    right, count = (sum(pair[i] for pair in pairs) for i in (0, 1))
    return 100 * right / count if count else None
