import pytest

from videomamba.engine import DataConfig, OptimConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs=0; it must be at least 1"),
        ({"batch_size": 0}, "batch_size=0; it must be at least 1"),
        ({"lr": 0.0}, "lr=0.0; it must be above 0"),
        ({"lr": float("nan")}, "lr=nan; it must be above 0"),
        ({"warmup_epochs": -1.0}, "warmup_epochs=-1.0; it must be at least 0"),
    ],
)
def test_impossible_optimisation(values, message):
    with pytest.raises(ValueError, match=message):
        OptimConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hold_out": "actor=eli"}, "hold_out='actor=eli' needs split"),
        ({"stride": 0}, "stride=0; it must be at least 1"),
        ({"num_frames": 0}, "num_frames=0; it must be at least 1"),
        ({"workers": -1}, "workers=-1; it must be at least 0"),
        ({"randaugment": 31}, "randaugment=31; it must be 0"),
        ({"scale": (0.5, 0.2)}, "expected 0 < least <= most <= 1"),
    ],
)
def test_impossible_data(values, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        DataConfig(root=tmp_path, **values)
    DataConfig(root=tmp_path, stride="uniform")
