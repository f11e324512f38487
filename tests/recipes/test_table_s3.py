"""Table S3 as a run: what its columns change, and what a start must be."""

from pathlib import Path

import pytest

from videomamba.recipes.table_s3 import begins_from, table_s3

COLUMNS = {"epochs": 30, "warmup_epochs": 5.0, "flip": False, "frames": 16, "stride": 4, "views": (4, 3)}


def test_the_arguments_reach_the_run_and_the_rest_is_the_tables():
    run = table_s3(
        Path("x"), "ssv2", **COLUMNS, flip_pairs=(("left", "right"),), start="k400", architecture={"depth": 3}
    )
    assert (run.data.layout, run.data.num_frames, run.data.stride, run.data.size) == ("ssv2", 16, 4, 224)
    assert (run.optim.epochs, run.optim.warmup_epochs) == (30, 5.0)
    assert (run.test_clips, run.test_crops) == (4, 3)
    assert run.data.augmentation.flip is False
    assert run.data.augmentation.flip_pairs == (("left", "right"),)
    assert run.model.overrides == {"depth": 3}
    optim = run.optim
    assert (optim.lr, optim.min_lr, optim.weight_decay, optim.betas) == (3e-4, 1e-6, 0.05, (0.9, 0.999))
    assert (optim.total_batch, optim.label_smoothing, run.model.drop_path_rate) == (64, 0.1, 0.1)


@pytest.mark.parametrize(
    ("start", "model", "words"),
    [
        ("scratch", "videomamba_small", None),
        ("k400", "videomamba_tiny", "a videomamba_tiny of Kinetics-400, such as the folder of"),
        ("imagenet1k", "videomamba_small", "an image model of ImageNet-1K, such as Vim's hf-hub:hustvl/Vim-small-"),
        ("imagenet1k", "videomamba_tiny", "hf-hub:hustvl/Vim-tiny-"),
        ("imagenet1k", "video_swin_t", "a video_swin_t of ImageNet-1K"),
    ],
)
def test_what_a_run_begins_from_in_words(start, model, words):
    said = begins_from(start, model)
    assert said is None if words is None else words in said
    assert table_s3(Path("x"), "kinetics", **COLUMNS, start=start, model=model).model.begins_from == said
