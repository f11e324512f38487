"""``videomamba benchmark model``: every combination is timed, and mistakes are said before."""

import csv
import json

import pytest

from videomamba.benchmark import model as benchmark
from videomamba.benchmark.floor import PARTS
from videomamba.benchmark.timing import interleaved
from videomamba.cli.main import main
from videomamba.ops.native import library

SMALL = ("benchmark", "model", "--models", "videomamba_nano", "--frames", "4", "8", "--sizes", "32", "--device", "cpu")


def test_every_model_input_and_pass(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "interleaved", lambda runs, device, seconds: interleaved(runs, device, seconds=0))
    files = {"--csv": tmp_path / "a.csv", "--markdown": tmp_path / "a.md", "--plot": tmp_path / "a.svg"}
    options = ("--batches", "2", "--precisions", "fp32", "bf16", "--json")
    assert main([*SMALL, *options, *(str(part) for pair in files.items() for part in pair)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [(r["frames"], r["what"], r["precision"]) for r in facts["rows"]] == [
        (frames, what, precision)
        for frames in (4, 8)
        for what in ("forward", "training")
        for precision in ("fp32", "bf16")
    ]
    for row in facts["rows"]:
        assert row["clips_per_second"] == pytest.approx(2e3 / row["milliseconds"])
        if library.available()[0]:
            assert row["floor"] == pytest.approx(sum(row[part] for part in PARTS))
            assert row["times_floor"] == pytest.approx(row["milliseconds"] / row["floor"])
            assert (row["optimizer"] > 0) == (row["what"] == "training")
    with files["--csv"].open(newline="") as file:
        assert [float(row["milliseconds"]) for row in csv.DictReader(file)] == [
            row["milliseconds"] for row in facts["rows"]
        ]
    assert len(files["--markdown"].read_text().splitlines()) == 2 + len(facts["rows"])
    assert "training, bf16, batch 2" in files["--plot"].read_text()
    assert facts["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--models", "vivit"), "unknown model vivit; choose among videomamba_"),
        (("--models", "asformer"), "unknown model asformer"),
        (("--frames", "0"), "--frames 0: give at least one, each above 0"),
        (("--frames", "3"), "num_frames=3 must be divisible by tubelet_size=2"),
        (("--processes", "0"), "--processes 0: give at least one, each above 0"),
        (("--seconds", "-1"), "--seconds -1.0: give at least one, each above 0"),
        (("--plot", "a.gif"), "--plot a.gif: end it in one of"),
    ],
)
def test_mistakes(options, said, capsys):
    assert main(["benchmark", "model", "--device", "cpu", *options]) == 2
    assert said in capsys.readouterr().err
