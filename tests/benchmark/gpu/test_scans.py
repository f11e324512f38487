"""The scan's stages, on a stand-in for the GPU."""

import pytest
import torch

pytest.importorskip("triton")
from tests.benchmark.gpu.test_stages import CPU, done
from videomamba.benchmark.gpu import scans
from videomamba.benchmark.gpu.plan import SMALL


@pytest.mark.slow
def test_times_stand_beside_their_floors(tmp_path, monkeypatch, stand_in):
    stage = done(tmp_path, monkeypatch, "scans")
    assert [(row["dtype"], row["pass"]) for row in stage["rows"]] == [
        (dtype, what) for dtype in ("bfloat16", "float32") for what in ("forward", "forward+backward")
    ]
    for row in stage["rows"]:
        floors = [row[f"floor: {name}, ms"] for name in ("special functions", "multiply adds", "bytes")]
        assert row["reached"] == pytest.approx(max(floors) / row["ms"])
        assert row["torch, ms"] > 0
    assert any("mamba-ssm" in line for line in stage["lines"])


def test_every_configuration_is_timed_and_the_best_written(tmp_path, monkeypatch, stand_in):
    monkeypatch.setattr(scans, "on_device", lambda runs, device, seconds: [1.0])
    stage = done(tmp_path, monkeypatch, "tuning")
    assert len(stage["rows"]) == 4
    assert (tmp_path / "cache" / "videomamba" / "triton").is_dir()


def test_mamba_ssm_is_called_as_its_users_do():
    """Against a stand-in of its function, which is ours in its layout."""
    from videomamba.ops import bidirectional_scan, selective_scan

    both, z = scans.drawn(1, 9, SMALL, CPU, torch.float32)
    calls = []

    def theirs(u, delta, A, B, C, D, z, bias, softplus):
        calls.append(selective_scan(u, delta, A, B, C, D, z, bias, softplus))
        return calls[-1]

    got = scans._theirs(theirs, both, z, False)()
    want = bidirectional_scan(*(d._replace(reverse=False) for d in both), z)
    torch.testing.assert_close(got, want.transpose(1, 2))
    assert len(calls) == 2
    assert len(scans._theirs(theirs, both, z, True)()) == 15


def test_the_absence_of_mamba_ssm_is_a_line():
    scan, line = scans.mamba_ssm_scan()
    assert scan is None
    assert "not timed" in line
