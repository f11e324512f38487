"""Tables of many columns are whole on a narrow terminal."""

from io import StringIO

from rich.console import Console

from videomamba.cli.common.wide import print_wide

HEAD = ("model", "frames", "precision", "milliseconds of a pass", "clips per second")
ROWS = [
    ["a_model_with_a_long_name", "8", "fp32", "1,234,567.8", "0.01"],
    ["a_model_with_a_long_name", "16", "fp32", "2,345,678.9", "0.02"],
]


def printed(rows, width=20):
    text = StringIO()
    print_wide(Console(file=text, width=width), HEAD, rows, names=3)
    return text.getvalue()


def test_no_cell_is_cut_or_wrapped():
    lines = printed(ROWS).splitlines()
    assert lines[0] == "model a_model_with_a_long_name, precision fp32"
    assert lines[1].split("  ") == [" frames", "milliseconds of a pass", "clips per second"]
    assert [line.split() for line in lines[3:]] == [[row[1], *row[3:]] for row in ROWS]
    assert printed(ROWS, width=200) == printed(ROWS)


def test_names_that_differ_and_figures_that_agree_stay():
    changed = [ROWS[0], ["[other]", *ROWS[0][1:]]]
    text = printed(changed)
    assert text.splitlines()[0] == "frames 8, precision fp32"
    assert "[other]" in text
    assert text.count("1,234,567.8") == 2


def test_one_row_keeps_its_names():
    text = printed(ROWS[:1])
    assert "precision" in text.splitlines()[0]
    assert "fp32" in text.splitlines()[2]
    assert len(printed([]).splitlines()) == 2
