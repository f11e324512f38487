"""What stages write as they go."""

import json
import time

from videomamba.benchmark.gpu.record import Record, shown


def test_a_stage_that_is_cut_off_keeps_what_it_had(tmp_path):
    first = Record(tmp_path, "operators", time.monotonic() + 60)
    first.row(case="a", error=1.23456e-7)
    first.finish()
    second = Record(tmp_path, "scans", time.monotonic() + 60)
    second.line("mamba-ssm's scan cannot be imported: not timed")
    second.row(L=197, ms=0.5)
    second.row(L=197, ms=0.6, floor=None)
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [(stage["stage"], stage["done"]) for stage in found["stages"]] == [("operators", True), ("scans", False)]
    assert found["stages"][0]["rows"] == [{"case": "a", "error": 1.23456e-7}]
    text = (tmp_path / "gpu.md").read_text()
    assert "## operators (done, 0 s)" in text
    assert "## scans (cut off: what it had, 0 s)" in text
    assert "| a | 1.23e-07 |" in text
    assert "| L | ms | floor |" in text
    assert "- mamba-ssm's scan cannot be imported: not timed" in text


def test_time_is_over_and_failures_stay(tmp_path):
    record = Record(tmp_path, "scans", time.monotonic() - 1)
    assert record.late
    record.line("wrong", failed=True)
    record.line("fine")
    record.finish()
    assert "## scans (failed, 0 s)" in (tmp_path / "gpu.md").read_text()


def test_cells():
    assert [shown(x) for x in (None, 0.123456, 12, "a", 1e-9)] == ["", "0.123", "12", "a", "1e-09"]
