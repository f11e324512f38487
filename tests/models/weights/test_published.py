"""The table of published checkpoints, and files of their names with the protocols of their own code."""

import csv

import pytest
import torch

from tests.models.weights.foreign_files import random_weights
from videomamba.data import make_sampler
from videomamba.labels import class_names
from videomamba.models import create_model, load_model
from videomamba.models.weights.published import DEFAULT, Published, find_published, published_checkpoints
from videomamba.models.weights.readers import read_checkpoint
from videomamba.notes import UserNote
from videomamba.preprocessing import Preprocessing

ALL = published_checkpoints()


@pytest.mark.shared
def test_the_table_is_the_published_one(shared_data):
    with (shared_data.parent / "paper" / "published_weights.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [row.file for row in ALL.values()]
    for row, ours in zip(rows, ALL.values(), strict=True):
        assert (row["repository"], row["data"], row["top1"]) == (
            ours.repository, ours.data, "" if ours.top1 is None else str(ours.top1),
        )  # fmt: skip
        assert (int(row["frames"]), int(row["size"])) == (ours.frames, ours.size)


def test_the_default_is_there():
    row = ALL[DEFAULT]
    assert (row.repository, row.file) == ("OpenGVLab/VideoMamba", "videomamba_s16_k400_f16_res224.pth")
    assert (row.origin, row.title, row.num_classes, row.top1) == ("opengvlab", "Kinetics-400", 400, 80.8)
    assert row.class_names == class_names("k400")


def test_filters():
    assert {row.data for row in find_published("ssv2")} == {"ssv2"}
    assert {row.name for row in find_published("k400", 16)} == {f"videomamba_{s}16_k400_f16_res224" for s in "tsm"}
    assert len(find_published()) == len(ALL)
    with pytest.raises(ValueError, match="no published checkpoint has data k600; there are imagenet1k, k400, ssv2"):
        find_published("k600")
    with pytest.raises(ValueError, match="has frames 64; there are 8, 16"):
        find_published("ssv2", 64)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (DEFAULT, Preprocessing(16, sampling="sparse", views=(4, 3))),
        ("videomamba_s16_coin_f32_res224", Preprocessing(32, sampling="sparse", views=(10, 3))),
        ("videomamba_m16_ssv2_f16_res224to288", Preprocessing(16, size=(288, 288), sampling="ssv2", views=(2, 3))),
        ("vim_s_midclstok_80p5acc", Preprocessing(1, crop=0.875, interpolation="bicubic")),
    ],
)
def test_preprocessing(name, wanted):
    assert ALL[name].preprocessing == wanted


def test_breakfast_is_in_the_order_of_the_lists_that_its_code_reads():
    names = ALL["videomamba_s16_breakfast_f32_res224"].class_names
    assert names[:4] == ("cereals", "coffee", "tea", "pancake")
    assert sorted(names) == sorted(class_names("breakfast"))
    assert ALL["videomamba_s16_coin_f32_res224"].class_names is None
    assert ALL["videomamba_m16_k400_mask_pt_f8_res224"].class_names is None


def test_every_row_makes_a_preprocessing_that_takes_clips():
    for row in ALL.values():
        clips = make_sampler(row.preprocessing).clips(50, row.views[0])
        assert len(clips) == row.views[0]
        assert all(len(clip) == row.frames and 0 <= min(clip) <= max(clip) < 50 for clip in clips), row.name
        assert row.class_names is None or len(row.class_names) == row.num_classes


def narrow(row: Published, **changes):
    """Weights of the layout of a published file, but narrow and shallow."""
    side = row.size // 16 if row.patch_stride is None else (row.size - 16) // row.patch_stride + 1
    frames = None if row.frames == 1 else row.frames
    return random_weights(32, 1, **{"classes": row.num_classes, "slots": side**2 + 1, "frames": frames} | changes)


@pytest.mark.parametrize(
    "name",
    [
        "videomamba_t16_ssv2_f8_res224", "videomamba_t16_breakfast_f32_res224", "vim_t_midclstok_76p1acc",
        "vim_s_midclstok_ft_81p6acc", "videomamba_m16_k400_mask_pt_f8_res224", "videomamba_t16_in1k_res224",
    ],
)  # fmt: skip
def test_a_file_of_a_published_name_has_its_protocol(name, tmp_path):
    row = ALL[name]
    torch.save(narrow(row), tmp_path / row.file)
    checkpoint = read_checkpoint(tmp_path / row.file)
    assert checkpoint.preprocessing == row.preprocessing
    assert checkpoint.class_names == row.class_names
    assert checkpoint.license == "apache-2.0"
    assert checkpoint.notes == ()
    assert checkpoint.config.cls_position == ("middle" if row.origin == "vim" else "first")
    assert checkpoint.config.patch_stride == row.patch_stride


def test_another_model_under_a_published_name_is_pointed_out(tmp_path):
    row = ALL["videomamba_t16_ssv2_f8_res224"]
    torch.save(narrow(row, classes=5), tmp_path / row.file)
    with pytest.warns(
        UserNote, match=r"has the name of a published checkpoint but another model: expected 8 x 224 x 224 "
    ):
        model = load_model(tmp_path / row.file)
    assert model.preprocessing == Preprocessing(8)
    assert model.class_names is None


def test_what_is_an_images_alone_does_not_go_over_to_a_video(tmp_path):
    row = ALL["vim_t_midclstok_76p1acc"]
    torch.save({"model": narrow(row)}, tmp_path / row.file)
    model = create_model("videomamba_nano", tmp_path / row.file, embed_dim=32, depth=1, num_frames=4, img_size=64)
    assert model.preprocessing == Preprocessing(4, size=(64, 64))
    assert model.license == "apache-2.0"
    image = load_model(tmp_path / row.file, img_size=64)
    assert (image.preprocessing.crop, image.preprocessing.interpolation) == (0.875, "bicubic")


def test_the_protocol_is_kept_in_a_folder(tmp_path):
    row = ALL["videomamba_t16_ssv2_f8_res224"]
    torch.save(narrow(row), tmp_path / row.file)
    load_model(tmp_path / row.file).save_pretrained(tmp_path / "ours")
    again = load_model(tmp_path / "ours")
    assert (again.preprocessing, again.class_names, again.license) == (
        row.preprocessing, row.class_names, "apache-2.0",
    )  # fmt: skip
