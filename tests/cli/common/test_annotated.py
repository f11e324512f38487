"""Videos by the options of the command line, whichever of csv, layout and folder they name."""

import io

import pytest
from rich.console import Console

from tests.data import layouts
from videomamba.cli.common.annotated import annotated_videos, point_out_missing, point_out_notes
from videomamba.errors import UserError

NONE = {"split": None, "hold_out": None, "layout": None, "fold": None}


def test_a_folder_a_csv_and_a_layout(clips, tmp_path):
    assert [len(part) for part in annotated_videos(clips, **NONE).values()] == [15]
    file = tmp_path / "a.csv"
    file.write_text("path,label,actor\nred/red_0.mp4,red,ann\nblue/blue_0.mp4,blue,bob\nred/red_1.mp4,red,bob\n")
    parts = annotated_videos(clips, **{**NONE, "split": str(file), "hold_out": "actor=ann"})
    assert {name: len(part) for name, part in parts.items()} == {"train": 2, "test": 1}
    root = layouts.hmdb51(tmp_path / "hmdb")
    for fold in (None, 2):
        parts = annotated_videos(root, **{**NONE, "layout": "hmdb51", "fold": fold})
        assert [record.path.stem[-1] for record in parts["test"].records] == (["1", "4"] if fold else ["0", "3"]) * 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fold": 2}, "--splits 2 needs --layout"),
        ({"hold_out": "a=b"}, "--hold-out a=b needs --split"),
        ({"layout": "ucf"}, "unknown layout 'ucf'; choose one of kinetics, ssv2, hmdb51, jhmdb, breakfast"),
        ({"layout": "hmdb51", "fold": 4}, "--splits 4: hmdb51 has 3"),
        ({"layout": "ssv2", "fold": 2}, "--splits 2: ssv2 has 1"),
        ({"layout": "ssv2", "split": "a.csv"}, "--layout ssv2 has splits of its own: give it or --split a.csv"),
    ],
)
def test_options_that_do_not_go_together(clips, options, said):
    with pytest.raises(UserError, match=said):
        annotated_videos(clips, **{**NONE, **options})


def test_what_is_missing_is_one_line_a_part(tmp_path):
    parts = annotated_videos(layouts.kinetics(tmp_path), **{**NONE, "layout": "kinetics"})
    said = io.StringIO()
    console = Console(file=said, width=500)
    point_out_missing(parts, console)
    assert said.getvalue() == "note: 4 of the 6 videos of the train part are here\n"
    point_out_notes({"train": type("Part", (), {"notes": ("a", "b")})(), "test": object()}, console)
    assert said.getvalue().splitlines()[1:] == ["note: a", "note: b"]
