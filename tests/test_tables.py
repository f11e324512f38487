"""Tables are read back as they were written."""

import csv

import pytest

from videomamba.tables import as_csv, as_markdown, csv_lines, write_csv


def test_a_csv_file_is_read_back(tmp_path):
    rows = [{"name": 'with, comma and "quotes"', "value": 1.5}, {"value": None, "name": "é"}]
    write_csv(tmp_path / "a" / "t.csv", rows)
    with (tmp_path / "a" / "t.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{"name": rows[0]["name"], "value": "1.5"}, {"name": "é", "value": ""}]
    assert b"\r" not in (tmp_path / "a" / "t.csv").read_bytes()


def test_no_rows_leave_the_header():
    assert as_csv([], ["a", "b"]) == "a,b\n"
    assert csv_lines([]) == ""


@pytest.mark.parametrize("row", [{"a": 1}, {"a": 1, "b": 2, "c": 3}])
def test_rows_of_other_columns_are_refused(row):
    with pytest.raises(ValueError, match="a row with the columns"):
        as_csv([{"a": 1, "b": 2}, row])


def test_markdown():
    assert as_markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
