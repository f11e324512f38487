"""What trained runs make of their test videos when the frames are shuffled, over all and class by class."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from videomamba.data import read_csv
from videomamba.engine import evaluate, evaluation_loader, model_labels
from videomamba.engine.device import make_accelerator
from videomamba.engine.run_folder import CONFIG, RESULT, SPLITS
from videomamba.errors import UserError
from videomamba.files import write_text
from videomamba.inference.perturb import SHUFFLES
from videomamba.models import load_model
from videomamba.models.folder import WEIGHTS
from videomamba.studies.table import Figure
from videomamba.tasks.recognition import Recognition

Reports = dict[str, dict[str, Any]]  # shuffle -> top1, count and per_class: name -> [right videos, videos]


def find_runs(folder: Path) -> list[Path]:
    """The finished runs in a folder and below.

    Raises:
        UserError: there is none.
    """
    found = [result.parent for result in sorted(folder.rglob(RESULT)) if (result.parent / "last").is_dir()]
    if not found:
        raise UserError(f"{folder} holds no run that is over (a folder with {RESULT} and last/)")
    return found


def shuffled(run: Path, file: Path, *, device: str, batch_size: int, workers: int) -> Reports:
    """Tests a run's ``last/`` on the videos that it held out under each shuffle; ``file`` keeps what came out of it.

    Raises:
        UserError: the run's videos or weights are no longer there.
    """
    of = _fingerprint(run)
    kept = json.loads(file.read_text()) if file.is_file() else {}
    if kept.get("of") == of:
        return cast(Reports, kept["reports"])
    config = json.loads((run / CONFIG).read_text())
    accelerator = make_accelerator(device)
    model = load_model(run / "last")
    task = Recognition(model.class_names or ())
    part = model_labels(read_csv(run / SPLITS, root=config["data"]["root"])["test"], task.class_names)
    loader = evaluation_loader(task, part, model.preprocessing, batch_size=batch_size, workers=workers, in_memory=True)
    model, loader = accelerator.prepare(model, loader)
    counts = [sum(record.label == label for record in part.records) for label in range(len(task.class_names))]
    reports: Reports = {}
    for name, change in SHUFFLES.items():
        report = evaluate(model, task, loader, accelerator, change=change)
        shares = report["per_class"]
        per_class = {c: [round((shares[c] or 0) * n), n] for c, n in zip(task.class_names, counts, strict=True)}
        reports[name] = {"top1": report["top1"], "count": report["count"], "per_class": per_class}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps({"of": of, "reports": reports}, indent=2) + "\n")
    return reports


def _fingerprint(run: Path) -> str:
    """Of the run's weights and of its videos."""
    digest = hashlib.sha256()
    for file in (run / "last" / WEIGHTS, run / SPLITS):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def figures(run: Path, reports: Reports) -> Iterator[Figure]:
    """The run's figures for a table."""
    config = json.loads((run / CONFIG).read_text())
    fold = config["data"]["hold_out"] or config["data"]["fold"] or ""
    for name, report in reports.items():
        yield Figure(name, config["seed"], str(fold), report["top1"], report["count"], None, run)


def per_class(reports: Sequence[Reports]) -> dict[str, dict[str, float | None]]:
    """Class -> shuffle -> accuracy in percent over all runs; None for a class without videos."""
    names = sorted({name for report in reports for name in report["none"]["per_class"]})
    return {name: {shuffle: _share([r[shuffle]["per_class"].get(name, [0, 0]) for r in reports])
                   for shuffle in SHUFFLES} for name in names}  # fmt: skip


def _share(pairs: Sequence[Sequence[int]]) -> float | None:
    right, count = (sum(pair[i] for pair in pairs) for i in (0, 1))
    return 100 * right / count if count else None
