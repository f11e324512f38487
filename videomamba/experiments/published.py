"""The paper's ablations as data: what each varies, in its order, beside the published top-1 (%)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from videomamba.models.catalogue import CAUSAL
from videomamba.recipes.paper import top1

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


def _field(name: str, labels: Mapping[str, str]) -> tuple[Variant, ...]:
    """Variants by the values of one field of the model, at 16 frames."""
    return tuple(
        Variant(value, label, (top1("ssv2", 16, **{name: value}), top1("hmdb51", 16, **{name: value})), {name: value})
        for value, label in labels.items()
    )


def _frames(count: int) -> Variant:
    return Variant(str(count), str(count), (top1("ssv2", count), top1("hmdb51", count)), {"num_frames": count})


def _shuffle(name: str, label: str) -> Variant:
    return Variant(name, label, (None, top1("hmdb51", 16, test_frames=name)))


ORDER = Study(
    "order",
    "backward order",
    "spatio_temporal",
    _field("backward_order", {"spatial": "spatial", "temporal": "temporal", "spatio_temporal": "spatio-temporal"}),
)
POSITION = Study(
    "position",
    "position embedding",
    "temporal_expansion",
    _field(
        "pos_embed",
        {
            "none": "none",
            "sinusoidal": "sinusoidal",
            "random": "learned, random",
            "spatial_interpolation": "learned, spatial interpolation",
            "embed_dim_interpolation": "learned, embedding-dimension interpolation",
            "temporal_expansion": "learned, temporal expansion",
        },
    ),
)
FRAMES = Study("frames", "frames", "16", (_frames(8), _frames(16), _frames(32)))
_TINY = "videomamba_tiny"
WIDTH = Study(
    "width",
    "width",
    "384",
    (
        Variant(
            "192", "192", (top1("ssv2", 16, model=_TINY), top1("hmdb51", 16, "k400", model=_TINY)), {"embed_dim": 192}
        ),
        Variant("384", "384", (top1("ssv2", 16), top1("hmdb51", 16, "k400")), {"embed_dim": 384}),
    ),
)
# the paper has no table of these two: of depth it says that step sizes fall with it (Fig. S3)
DEPTH = Study("depth", "blocks", "24", tuple(Variant(n, n, changes={"depth": int(n)}) for n in ("4", "8", "12", "24")))
TIME = Study(
    "time",
    "directions of time",
    "both",
    (Variant("both", "forward and backward"), Variant("forward", "forward only (docs/live.md)", changes=CAUSAL)),
)
SHUFFLE = Study(
    "shuffle",
    "test frames",
    "none",
    (
        _shuffle("interleaved", "interleaved"),
        _shuffle("pairwise", "pairwise"),
        _shuffle("block_wise", "block-wise"),
        Variant("none", "as they are", (None, top1("hmdb51", 16))),
    ),
)
STUDIES = {
    study.name: study for study in (ORDER, POSITION, FRAMES, WIDTH, DEPTH, TIME)
}  # SHUFFLE and pretrain are not model changes


def pretrain(starts: Mapping[str, str], images: Mapping[str, bool]) -> Study:
    """The study of Table S1 for named checkpoints: from scratch, then from each, image models first.

    Args:
        starts: name -> checkpoint.
        images: name -> whether that is an image model, which stands beside the paper's ImageNet-1K; a video model
            stands beside its K400.
    """
    rows = [Variant("scratch", "from scratch", (top1("ssv2", 16, "scratch"), top1("hmdb51", 32, "scratch")), start="")]
    image = (top1("ssv2", 16), top1("hmdb51", 32))
    video = (top1("ssv2", 16, "k400"), top1("hmdb51", 16, "k400"))
    for name in sorted(starts, key=lambda name: not images[name]):
        kind, figures = ("an image model", image) if images[name] else ("a video model", video)
        rows.append(Variant(name, f"{name} ({kind})", figures, start=starts[name]))
    return Study("pretrain", "start", "scratch", tuple(rows))
