"""``videomamba benchmark operations`` and the counts in ``info``."""

import csv
import json

import pytest

from videomamba.cli.main import main


def test_table_csv_markdown_plot(tmp_path, capsys):
    argv = ["benchmark", "operations", "--frames", "16", "32", "--sizes", "112", "224", "--json"]
    files = {kind: tmp_path / "new" / f"cost.{kind}" for kind in ("csv", "md", "png")}
    argv += ["--csv", str(files["csv"]), "--markdown", str(files["md"]), "--plot", str(files["png"])]
    assert main(argv) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert facts["parameters"] == 26_387_344 == sum(part["parameters"] for part in facts["parts"])
    assert facts["paper"] / 1e9 == pytest.approx(34.2, abs=0.05)
    assert "as the paper counts 34.2 G multiply-adds" in " ".join(err.split())
    with files["csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["frames"], row["size"]) for row in rows] == [
        ("16", "112"),
        ("32", "112"),
        ("16", "224"),
        ("32", "224"),
    ]
    assert [int(row["multiply_adds"]) for row in rows] == [row["multiply_adds"] for row in facts["rows"]]
    lines = files["md"].read_text().splitlines()
    assert len(lines) == 2 + 4
    assert "| 32 | 224 | 3,136 | 68.5 | 78.2 | 11.8 | 2.1 |" in lines[-1]
    assert files["png"].read_bytes()[:4] == b"\x89PNG"


def test_mistakes(fails):
    assert "unknown model vit; choose one of" in fails("benchmark", "operations", "--model", "vit").replace("'", "")
    assert "--sizes 0: give" in fails("benchmark", "operations", "--sizes", "0")
    assert "must be divisible by patch_size" in fails("benchmark", "operations", "--sizes", "100")
    assert "unknown model" in fails("benchmark", "operations", "--model", "videomamba_small_detector")
    assert "--plot x.gif: end it in one of" in fails("benchmark", "operations", "--plot", "x.gif")
    assert "must be divisible by tubelet_size=4" in fails(
        "benchmark", "operations", "--model", "videomamba_nano", "--frames", "2"
    )
