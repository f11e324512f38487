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
    assert len(rows) == len(facts["rows"]) == 4 * 6
    swin = next(r for r in rows if (r["model"], r["frames"], r["size"]) == ("video_swin_t", "32", "224"))
    assert float(swin["multiply_adds"]) / 1e9 == pytest.approx(88, rel=0.01)
    lines = files["md"].read_text().splitlines()
    assert len(lines) == 2 + 4
    assert "| 32 | 224 | 3,136 | 68.5 | 78.2 | 87.8 |" in lines[-1]
    assert files["png"].read_bytes()[:4] == b"\x89PNG"


def test_parts_of_another_model(capsys):
    assert main(["benchmark", "operations", "--model", "timesformer", "--frames", "8", "--sizes", "224", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["multiply_adds"] / 1e9 == pytest.approx(196, rel=0.01)
    assert {"attention", "MLP", "temporal projection"} <= {part["name"] for part in facts["parts"]}


def test_mistakes(fails):
    assert "unknown model vit; choose one of" in fails("benchmark", "operations", "--model", "vit").replace("'", "")
    assert "--sizes 100: give" in fails("benchmark", "operations", "--sizes", "100")
    assert "--plot x.gif: end it in one of" in fails("benchmark", "operations", "--plot", "x.gif")
    assert "must be divisible by tubelet_size=4" in fails(
        "benchmark", "operations", "--model", "videomamba_nano", "--frames", "2"
    )


def test_info_has_both_counts(trained, capsys):
    assert main(["info", str(trained), "--json"]) == 0
    out, err = capsys.readouterr()
    counts = json.loads(out)["operations"]
    assert 0 < counts["as_the_paper_counts"] < counts["multiply_adds"]
    assert counts["functions"] > 0
    assert "as the paper counts" in err
