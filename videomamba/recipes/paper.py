"""The figures that the paper published, each stated once.

Recipes, the studies' variants, ``videomamba recipes`` and the tables in the documentation are made from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAIN, S1, S4, S5, S6 = "main paper", "Table S1", "Table S4", "Table S5", "Table S6"
ASFORMER = "arXiv 2110.08568, Table 4"
SEGMENTATION = ("MoF", "Edit", "F1@10", "F1@25", "F1@50")


@dataclass(frozen=True)
class Published:
    """What was published for one run.

    Attributes:
        name: of the recipe; None for a test of another row's run, and for a run of another model with its recipe.
        base: the function in :mod:`videomamba.recipes` that makes the run.
        changes: its keyword arguments.
        figures: metric -> percent; the first one is the headline.
        where: table or part of the paper.
    """

    name: str | None
    base: str
    changes: Mapping[str, Any]
    figures: Mapping[str, float]
    where: str

    @property
    def headline(self) -> tuple[str, float]:
        """Metric and percent."""
        return next(iter(self.figures.items()))


def _top1(
    name: str | None, base: str, frames: int, start: str, top1: float, where: str = MAIN, **changes: Any
) -> Published:
    return Published(name, base, {"frames": frames, "start": start, **changes}, {"top-1": top1}, where)


def _segmentation(name: str | None, base: str, model: str, where: str, *figures: float) -> Published:
    return Published(name, base, {"model": model}, dict(zip(SEGMENTATION, figures, strict=True)), where)


TABLE: tuple[Published, ...] = (
    _top1("k400", "k400", 32, "imagenet1k", 77.7),
    _top1("ssv2", "ssv2", 32, "imagenet1k", 64.2),
    _top1("ssv2_f8", "ssv2", 8, "imagenet1k", 61.0),
    _top1("ssv2_f16", "ssv2", 16, "imagenet1k", 63.7, S1),
    _top1("ssv2_k400", "ssv2", 16, "k400", 63.9, S1),
    _top1("ssv2_scratch", "ssv2", 16, "scratch", 44.0, S1),
    _top1("ssv2_tiny", "ssv2", 16, "imagenet1k", 54.6, model="videomamba_tiny"),
    _top1("hmdb51", "hmdb51", 32, "imagenet1k", 59.3, S1),
    _top1("hmdb51_f8", "hmdb51", 8, "imagenet1k", 52.7),
    _top1("hmdb51_f16", "hmdb51", 16, "imagenet1k", 58.9),
    _top1("hmdb51_k400", "hmdb51", 16, "k400", 68.6, S1),
    _top1("hmdb51_k400_f32", "hmdb51", 32, "k400", 75.7),
    _top1("hmdb51_scratch", "hmdb51", 32, "scratch", 18.1, S1),
    _top1("hmdb51_tiny", "hmdb51", 16, "k400", 56.5, model="videomamba_tiny"),
    _top1("breakfast_f32", "breakfast", 32, "k400", 90.4, S4),
    _top1("breakfast_f64", "breakfast", 64, "k400", 91.5, S4),
    _top1("ssv2_swin", "swin", 32, "imagenet1k", 52.3, data_set="ssv2"),
    _top1("hmdb51_swin", "swin", 32, "imagenet1k", 54.4, data_set="hmdb51"),
    _top1("hmdb51_swin_k400", "swin", 32, "k400", 69.9, data_set="hmdb51"),
    _top1("ssv2_order_spatial", "ssv2", 16, "imagenet1k", 61.9, backward_order="spatial"),
    _top1("ssv2_order_temporal", "ssv2", 16, "imagenet1k", 63.3, backward_order="temporal"),
    _top1("ssv2_order_spatio_temporal", "ssv2", 16, "imagenet1k", 64.7, backward_order="spatio_temporal"),
    _top1("ssv2_pos_none", "ssv2", 16, "imagenet1k", 63.2, pos_embed="none"),
    _top1("ssv2_pos_sinusoidal", "ssv2", 16, "imagenet1k", 63.3, pos_embed="sinusoidal"),
    _top1("ssv2_pos_random", "ssv2", 16, "imagenet1k", 63.4, pos_embed="random"),
    _top1("ssv2_pos_spatial_interpolation", "ssv2", 16, "imagenet1k", 63.6, pos_embed="spatial_interpolation"),
    _top1("ssv2_pos_embed_dim_interpolation", "ssv2", 16, "imagenet1k", 63.6, pos_embed="embed_dim_interpolation"),
    _top1("ssv2_pos_temporal_expansion", "ssv2", 16, "imagenet1k", 63.7, pos_embed="temporal_expansion"),
    _top1("hmdb51_order_spatial", "hmdb51", 16, "imagenet1k", 43.3, backward_order="spatial"),
    _top1("hmdb51_order_temporal", "hmdb51", 16, "imagenet1k", 52.9, backward_order="temporal"),
    _top1("hmdb51_order_spatio_temporal", "hmdb51", 16, "imagenet1k", 55.2, backward_order="spatio_temporal"),
    _top1("hmdb51_pos_none", "hmdb51", 16, "imagenet1k", 48.7, pos_embed="none"),
    _top1("hmdb51_pos_sinusoidal", "hmdb51", 16, "imagenet1k", 47.5, pos_embed="sinusoidal"),
    _top1("hmdb51_pos_random", "hmdb51", 16, "imagenet1k", 47.9, pos_embed="random"),
    _top1("hmdb51_pos_spatial_interpolation", "hmdb51", 16, "imagenet1k", 49.4, pos_embed="spatial_interpolation"),
    _top1("hmdb51_pos_embed_dim_interpolation", "hmdb51", 16, "imagenet1k", 51.5, pos_embed="embed_dim_interpolation"),
    _top1("hmdb51_pos_temporal_expansion", "hmdb51", 16, "imagenet1k", 58.9, pos_embed="temporal_expansion"),
    # tests of the run hmdb51_f16
    _top1(None, "hmdb51", 16, "imagenet1k", 51.3, test_frames="interleaved"),
    _top1(None, "hmdb51", 16, "imagenet1k", 53.5, test_frames="pairwise"),
    _top1(None, "hmdb51", 16, "imagenet1k", 56.5, test_frames="block_wise"),
    Published("ava", "ava", {}, {"mAP": 22.1}, S5),
    _segmentation("gtea", "gtea", "asformer_ssm", S6, 79.6, 86.6, 90.6, 89.7, 79.9),
    _segmentation(None, "gtea", "asformer", S6, 79.7, 84.6, 90.1, 88.8, 79.2),
    _segmentation(None, "gtea", "mstcn2", S6, 80.1, 83.5, 88.8, 85.7, 76.0),
    _segmentation(None, "salads", "asformer", ASFORMER, 85.6, 79.6, 85.1, 83.4, 76.0),
    _segmentation(None, "breakfast_segmentation", "asformer", ASFORMER, 73.5, 75.0, 76.0, 70.6, 57.4),
)
STARTS = {"imagenet1k": "ImageNet-1K", "k400": "Kinetics-400", "scratch": "scratch"}


def top1(base: str, frames: int, start: str = "imagenet1k", **changes: Any) -> float:
    """The published top-1 of one run, in percent.

    Raises:
        KeyError: there is none.
    """
    wanted = {"frames": frames, "start": start, **changes}
    for row in TABLE:
        if row.base == base and row.changes == wanted:
            return row.figures["top-1"]
    raise KeyError(f"{base} with {wanted}")
