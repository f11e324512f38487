"""The model card beside a model on the Hub: what it is, where its weights come from, its figures, how to use it."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.repocard_data import EvalResult

from videomamba.errors import UserError
from videomamba.files import read_json
from videomamba.models.architectures import name_of
from videomamba.models.weights.folder import WEIGHTS
from videomamba.models.weights.published import Published, published_checkpoints
from videomamba.models.weights.readers import read_checkpoint
from videomamba.tables import as_markdown

PAPER = ("2407.08476", "VideoMamba: Spatio-Temporal Selective State Space Model (Park et al., ECCV 2024)")
_OF_ORIGIN = {
    "opengvlab": ("2403.06977", "VideoMamba: State Space Model for Efficient Video Understanding (Li et al.)"),
    "vim": ("2401.09417", "Vision Mamba (Zhu et al.)"),
}
_OF_ARCHITECTURE = {
    "VideoSwin": ("2106.13230", "Video Swin Transformer (Liu et al.)"),
    "ASFormer": ("2110.08568", "ASFormer: Transformer for Action Segmentation (Yi et al.)"),
    "MSTCN2": ("2006.09220", "MS-TCN++ (Li et al.)"),
}
_WITHOUT_SSM = ("VideoSwin", "MSTCN2")
_FIGURES = ("top1", "top5", "mAP", "MoF", "Edit", "F1@10", "F1@25", "F1@50")
_REMARKS = {
    "best": "held-out videos; the epoch was chosen by them, which is optimistic",
    "last": "held-out videos, after the last epoch",
}
_PERCENT = ("MoF", "Edit", "F1@10", "F1@25", "F1@50")  # as tasks give them; the others are shares of 1


@dataclass(frozen=True)
class _Kind:
    """What the Hub calls a model, and how it is used.

    Attributes:
        tag: the Hub's task.
        what: in words.
        source: that ``videomamba.predict`` takes.
        answer: attribute of its results.
    """

    tag: str
    what: str
    source: str
    answer: str


_CLASSIFIER = _Kind("video-classification", "video classification", "clip.mp4", "top_k")
_KINDS = {
    "Detector": _Kind("object-detection", "action detection", "clip.mp4", "keyframes"),
    "ASFormer": _Kind("video-classification", "action segmentation", "features.npy", "segments"),
    "MSTCN2": _Kind("video-classification", "action segmentation", "features.npy", "segments"),
}


@dataclass(frozen=True)
class _Evidence:
    """Figures of a model.

    Attributes:
        data: what they were measured on.
        figures: name -> percent.
        remark: whose they are, and how they were measured.
        command: that made the model; None if nobody knows.
    """

    data: str
    figures: Mapping[str, float]
    remark: str
    command: str | None


def model_card(model: Any, repo_id: str | None = None) -> ModelCard:
    """The card of a model.

    Args:
        model: a PretrainedModel, with its ``source``, ``license`` and the ``path`` of its weights, beside which a run
            has its figures.
        repo_id: ``owner/name`` on the Hub; None for a card in a local folder.
    """
    architecture, row, evidence = name_of(model.config), _published(model.source), _evidence(model)
    kind = _KINDS.get(architecture, _CLASSIFIER)
    if kind is _CLASSIFIER and getattr(model.config, "num_frames", None) == 1:
        kind = dataclasses.replace(kind, tag="image-classification", what="image classification")
    name = repo_id or architecture
    papers = list(_papers(architecture, row))
    data = ModelCardData(
        library_name="videomamba",
        license=model.license,
        pipeline_tag=kind.tag if model.num_classes else "feature-extraction",
        tags=["videomamba", kind.what.replace(" ", "-"), *(f"arxiv:{number}" for number, _ in papers)],
        base_model=None if row is None else row.repository,
        model_name=name,
        eval_results=None if evidence is None else list(_results(kind, evidence)),
    )
    parts = [
        f"---\n{data.to_yaml()}\n---",
        f"# {name.rpartition('/')[2]}",
        _introduction(model, architecture, kind),
        *_origin(model, row, evidence),
        *([] if evidence is None else [_table(evidence)]),
        _usage(model, kind, repo_id),
        "## Papers\n\n" + "\n".join(f"- {title}, [arXiv {n}](https://arxiv.org/abs/{n})" for n, title in papers),
    ]
    return ModelCard("\n\n".join(parts) + "\n")


def _published(source: str | None) -> Published | None:
    """The published checkpoint that the weights come from in the end."""
    found = (row for row in published_checkpoints().values() if source and row.file in source)
    return next(found, None)


def _papers(architecture: str, row: Published | None) -> Iterator[tuple[str, str]]:
    if architecture not in _WITHOUT_SSM:
        yield PAPER
    if architecture in _OF_ARCHITECTURE:
        yield _OF_ARCHITECTURE[architecture]
    if row is not None:
        yield _OF_ORIGIN[row.origin]


def _evidence(model: Any) -> _Evidence | None:
    """Of the run whose folder the weights lie in, or as published for a file that was converted.

    None for weights that have changed since they were read.
    """
    row = _published(model.source)
    if model.path is None or not _are_as_read(model, model.path):
        return None
    if (run := model.path.parent.parent / "result.json").is_file() and model.path.parent.name in _REMARKS:
        return _of_run(run, model.path.parent.name)
    if row is None or row.top1 is None or (model.source or "").startswith("fine-tuned"):
        return None
    clips, crops = row.views
    remark = f"published by its authors for {clips} clips x {crops} crops; not measured again with these files"
    return _Evidence(row.title, {"top1": row.top1}, remark, f"videomamba convert {row.name} DIR")


def _are_as_read(model: Any, path: Path) -> bool:
    try:
        read = read_checkpoint(path.parent if path.name == WEIGHTS else path).weights
    except UserError:  # gone, or written over by something else
        return False
    state = model.state_dict()
    return read.keys() == state.keys() and all(torch.equal(read[n], value.cpu()) for n, value in state.items())


def _of_run(result: Path, which: str) -> _Evidence | None:
    rows, config = read_json(result), read_json(result.with_name("config.json"))
    tested = rows.get("test") or {}
    row = tested.get(which) or rows.get(which)
    if row is None:
        return None
    figures = {n: row[n] if n in _PERCENT else 100 * row[n] for n in _FIGURES if isinstance(row.get(n), float)}
    remark = "the test part" if which in tested else _REMARKS[which]
    return _Evidence(Path(config["data"]["root"]).name, figures, remark, config.get("facts", {}).get("command"))


def _results(kind: _Kind, evidence: _Evidence) -> Iterator[EvalResult]:
    for name, value in evidence.figures.items():
        yield EvalResult(
            task_type=kind.tag,
            dataset_type=evidence.data.lower().replace(" ", "-"),
            dataset_name=evidence.data,
            metric_type="accuracy" if name == "top1" else name,
            metric_name=name,
            metric_value=round(value, 2),
        )


def _introduction(model: Any, architecture: str, kind: _Kind) -> str:
    names, clip = model.labels, model.preprocessing
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    outputs = f"{len(names)} classes: {listed}" if names else "no head: features"
    count = sum(p.numel() for p in model.parameters())
    takes = str(clip) if "size" in vars(clip) else "features of frames"
    return f"{architecture} for {kind.what}, {count:,} parameters. Input: {takes}. Output: {outputs}."


def _origin(model: Any, row: Published | None, evidence: _Evidence | None) -> Iterator[str]:
    lines = [f"- Source: {model.source or 'not known'}"]
    if row is not None:
        lines.append(f"- Weights of [{row.repository}](https://huggingface.co/{row.repository}), file `{row.file}`")
    lines.append(f"- Licence of the weights: {model.license or 'not stated'}")
    if evidence is not None and evidence.command is not None:
        lines.append(f"- Made by `{evidence.command}`")
    yield "## Weights\n\n" + "\n".join(lines)


def _table(evidence: _Evidence) -> str:
    rows = [[name, f"{value:.1f}"] for name, value in evidence.figures.items()]
    return f"## Figures\n\n{as_markdown(['metric', '%'], rows)}\n\nOn {evidence.data}: {evidence.remark}."


def _usage(model: Any, kind: _Kind, repo_id: str | None) -> str:
    where = "" if repo_id else " in this folder"
    checkpoint = repo_id or "."
    lines = ["import videomamba", ""]
    if model.num_classes:
        lines += [
            f'for result in videomamba.predict("{checkpoint}", "{kind.source}"):',
            f"    print(result.path, result.error or result.{kind.answer})",
        ]
    else:
        lines += [
            f'model = videomamba.load_model("{checkpoint}")',
            f'clip = videomamba.load_clip("{kind.source}", model.preprocessing)',
            "features = model(clip.video[None])",
        ]
    return f"## Use{where}\n\n```python\n" + "\n".join(lines) + "\n```"
