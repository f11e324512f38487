"""Studies stand beside the published figures."""

from tests.recipes.published import published
from videomamba.experiments.published import COLUMNS, SHUFFLE, STUDIES, pretrain
from videomamba.models.catalogue import model_config


def test_studies_stand_beside_the_published_figures():
    """Each variant in the paper's words, on the data sets of its two columns."""
    there = {line[1:5]: float(line[6]) for line in published() if line[5] == "top-1"}
    start = "ImageNet-1K"
    wanted = {
        "order": [("16", start, f"backward order {kind}") for kind in ("spatial", "temporal", "spatio-temporal")],
        "position": [
            ("16", start, f"position {kind}")
            for kind in ("none", "sinusoidal", "random", "spatial interp.", "embed-dim interp.", "temporal expand")
        ],
        "frames": [("8", start, ""), ("16", start, ""), ("32", start, "")],
    }
    for name, rows in wanted.items():
        assert [v.published for v in STUDIES[name].variants] == [
            tuple(there[(data, *row)] for data in COLUMNS) for row in rows
        ]
    assert [v.published for v in STUDIES["width"].variants] == [(54.6, 56.5), (63.7, 68.6)]
    assert [v.published for v in SHUFFLE.variants] == [(None, 51.3), (None, 53.5), (None, 56.5), (None, 58.9)]
    study = pretrain({"video": "a", "image": "b"}, {"video": False, "image": True})
    assert [v.published for v in study.variants] == [(44.0, 18.1), (63.7, 59.3), (63.9, 68.6)]


def test_studies_without_a_table_of_the_paper_have_no_figures_beside_them():
    assert [variant.changes for variant in STUDIES["depth"].variants] == [{"depth": n} for n in (4, 8, 12, 24)]
    both, forward = STUDIES["time"].variants
    assert not both.changes
    assert model_config("videomamba_nano", **forward.changes) == model_config("videomamba_nano_causal")
    assert not any(any(variant.published) for name in ("depth", "time") for variant in STUDIES[name].variants)
