"""The paper's ablations as data: what each varies, in its order, and the top-1 (%) that it reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COLUMNS = ("SSV2", "HMDB51")


@dataclass(frozen=True)
class Variant:
    """A row of a study's table.

    Attributes:
        name: of its folder.
        label: in the table.
        published: the paper's top-1 on COLUMNS; None where it has none.
        changes: fields of the model's configuration that differ from the run at hand.
        start: checkpoint to begin from instead of the run's; an empty one is none.
    """

    name: str
    label: str
    published: tuple[float | None, float | None] = (None, None)
    changes: Mapping[str, Any] = field(default_factory=dict)
    start: str | None = None


@dataclass(frozen=True)
class Study:
    """An ablation.

    Attributes:
        name: that people type.
        title: of the table's first column.
        chosen: the variant that the paper's model has; others are compared with it.
        variants: in the paper's order.
    """

    name: str
    title: str
    chosen: str
    variants: tuple[Variant, ...]


ORDER = Study(
    "order",
    "backward order",
    "spatio_temporal",
    (
        Variant("spatial", "spatial", (61.9, 43.3), {"backward_order": "spatial"}),
        Variant("temporal", "temporal", (63.3, 52.9), {"backward_order": "temporal"}),
        Variant("spatio_temporal", "spatio-temporal", (64.7, 55.2), {"backward_order": "spatio_temporal"}),
    ),
)
POSITION = Study(
    "position",
    "position embedding",
    "temporal_expansion",
    (
        Variant("none", "none", (63.2, 48.7), {"pos_embed": "none"}),
        Variant("sinusoidal", "sinusoidal", (63.3, 47.5), {"pos_embed": "sinusoidal"}),
        Variant("random", "learned, random", (63.4, 47.9), {"pos_embed": "random"}),
        Variant(
            "spatial_interpolation",
            "learned, spatial interpolation",
            (63.6, 49.4),
            {"pos_embed": "spatial_interpolation"},
        ),
        Variant(
            "embed_dim_interpolation",
            "learned, embedding-dimension interpolation",
            (63.6, 51.5),
            {"pos_embed": "embed_dim_interpolation"},
        ),
        Variant("temporal_expansion", "learned, temporal expansion", (63.7, 58.9), {"pos_embed": "temporal_expansion"}),
    ),
)
FRAMES = Study(
    "frames",
    "frames",
    "16",
    (
        Variant("8", "8", (61.0, 52.7), {"num_frames": 8}),
        Variant("16", "16", (63.7, 58.9), {"num_frames": 16}),
        Variant("32", "32", (64.2, 59.3), {"num_frames": 32}),
    ),
)
WIDTH = Study(
    "width",
    "width",
    "384",
    (
        Variant("192", "192", (54.6, 56.5), {"embed_dim": 192}),
        Variant("384", "384", (63.7, 68.6), {"embed_dim": 384}),
    ),
)
SHUFFLE = Study(
    "shuffle",
    "test frames",
    "none",
    (
        Variant("interleaved", "interleaved", (None, 51.3)),
        Variant("pairwise", "pairwise", (None, 53.5)),
        Variant("block_wise", "block-wise", (None, 56.5)),
        Variant("none", "as they are", (None, 58.9)),
    ),
)
STUDIES = {
    study.name: study for study in (ORDER, POSITION, FRAMES, WIDTH)
}  # SHUFFLE and pretrain are not model changes
SCRATCH, IMAGE_START, VIDEO_START = (44.0, 18.1), (63.7, 59.3), (63.9, 68.6)  # supplement, Table S1


def pretrain(starts: Mapping[str, str], images: Mapping[str, bool]) -> Study:
    """The study of Table S1 for named checkpoints: from scratch, then from each, image models first.

    Args:
        starts: name -> checkpoint.
        images: name -> whether that is an image model, which stands beside the paper's ImageNet-1K; a video model
            stands beside its K400.
    """
    rows = [Variant("scratch", "from scratch", SCRATCH, start="")]
    for name in sorted(starts, key=lambda name: not images[name]):
        kind, figures = ("an image model", IMAGE_START) if images[name] else ("a video model", VIDEO_START)
        rows.append(Variant(name, f"{name} ({kind})", figures, start=starts[name]))
    return Study("pretrain", "start", "scratch", tuple(rows))
