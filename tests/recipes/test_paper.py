"""Every published figure is the one that was read from the paper's own tables (tests/fixtures/paper.csv)."""

import pytest

from tests.recipes.published import published
from videomamba.recipes.paper import STARTS, TABLE, top1

DATA = {
    "k400": "K400",
    "ssv2": "SSV2",
    "hmdb51": "HMDB51",
    "breakfast": "Breakfast",
    "ava": "AVA",
    "gtea": "GTEA",
    "salads": "50Salads",
    "breakfast_segmentation": "Breakfast",
}
WHAT = {
    ("model", "videomamba_tiny"): "width 192",
    ("model", "asformer"): "ASFormer",
    ("model", "asformer_ssm"): "ASFormer w/ Ours",
    ("model", "mstcn2"): "MS-TCN++",
    **{("backward_order", kind): f"backward order {kind.replace('_', '-')}" for kind in
       ("spatial", "temporal", "spatio_temporal")},
    **{("pos_embed", kind): f"position {kind}" for kind in ("none", "sinusoidal", "random")},
    ("pos_embed", "spatial_interpolation"): "position spatial interp.",
    ("pos_embed", "embed_dim_interpolation"): "position embed-dim interp.",
    ("pos_embed", "temporal_expansion"): "position temporal expand",
    **{("test_frames", kind): f"test frames {kind.replace('_', '-')}" for kind in
       ("interleaved", "pairwise", "block_wise")},
}  # fmt: skip


def as_published(row):
    """A row of the table in the paper's words, one line for each metric."""
    changes = dict(row.changes)
    frames, start = changes.pop("frames", ""), changes.pop("start", None)
    if row.base == "swin":
        data, what = DATA[changes.pop("data_set")], "VideoSwin-T"
    else:
        data, what = DATA[row.base], "".join(WHAT[change] for change in changes.items())
    frames = 16 if row.base == "ava" else frames
    for metric, figure in row.figures.items():
        yield (row.where, data, str(frames), STARTS.get(start, ""), what, metric, str(figure))


def test_the_table_is_what_was_published():
    ours = [line for row in TABLE for line in as_published(row)]
    assert sorted(ours) == sorted(published())
    names = [row.name for row in TABLE if row.name is not None]
    assert len(set(names)) == len(names)


def test_a_run_without_a_figure():
    with pytest.raises(KeyError, match="hmdb51 with"):
        top1("hmdb51", 64)
