import pytest

from videomamba.data import Augmentation
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
        (
            {"layout": "hmdb51", "split": "a.csv"},
            "data in layout='hmdb51' brings its own split; split='a.csv' is for folders",
        ),
        ({"layout": "imagenet"}, "unknown layout 'imagenet'; choose one of folder"),
    ],
)
def test_impossible_data(values, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        DataConfig(root=tmp_path, **values)
    DataConfig(root=tmp_path, stride="uniform")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scale": (0.5, 0.2)}, "expected 0 < least <= most <= 1"),
        ({"rand_prob": 1.5}, "rand_prob=1.5; expected a chance from 0 to 1"),
        ({"rand_magnitude": 11}, "rand_magnitude=11.*expected at least 0, 0 to 10"),
        ({"erase": 1.5}, "erase=1.5; expected a chance from 0 to 1"),
    ],
)
def test_impossible_augmentation(values, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"accumulate": 0}, "accumulate=0; it must be at least 1"),
        ({"ema": 1.0}, "ema=1.0; it must be above 0 and below 1"),
        ({"ema": 0.9, "fsdp": True}, "ema does not go with fsdp"),
        ({"mixup": -0.1}, "mixup=-0.1 and cutmix=0.0 must be at least 0"),
    ],
)
def test_impossible_options(values, message):
    with pytest.raises(ValueError, match=message):
        OptimConfig(**values)
