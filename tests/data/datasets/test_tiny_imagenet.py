"""Tiny ImageNet as it is published, and with a table of labels."""

import shutil

import numpy as np
import pytest
from PIL import Image

from videomamba.data.datasets import read_layout
from videomamba.errors import UserError

WNIDS = {"n01": "goldfish, Carassius auratus", "n02": "bee", "n03": "bee"}


@pytest.fixture
def published(tmp_path):
    root = tmp_path / "tiny-imagenet-200"
    (root / "val" / "images").mkdir(parents=True)
    lines = []
    for k, wnid in enumerate(WNIDS):
        (root / "train" / wnid / "images").mkdir(parents=True)
        for i in range(2):
            picture = Image.fromarray(np.full((4, 4, 3), 50 * k, np.uint8))
            picture.save(root / "train" / wnid / "images" / f"{wnid}_{i}.JPEG")
        picture.save(root / "val" / "images" / f"val_{k}.JPEG")
        lines.append(f"val_{k}.JPEG\t{wnid}\t0\t0\t3\t3\n")
    (root / "val" / "val_annotations.txt").write_text("".join(reversed(lines)))
    (root / "words.txt").write_text("".join(f"{wnid}\t{words}\n" for wnid, words in WNIDS.items()))
    return root


def test_as_published(published):
    for root in (published, published.parent):  # an archive unpacks into one more folder
        parts = read_layout("tiny_imagenet", root)
        assert parts["train"].class_names == ("goldfish", "n02", "n03")  # two are called bee
        assert [r.label for r in parts["train"].records] == [0, 0, 1, 1, 2, 2]
        assert {(r.path.name, r.label) for r in parts["test"].records} == {(f"val_{k}.JPEG", k) for k in range(3)}


def test_with_a_table(published, tmp_path):
    rows = [f"train/{wnid}/images/{wnid}_{i}.JPEG,{wnid},{'train' if i else 'val'}" for wnid in WNIDS for i in (0, 1)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,name,split", *rows]))
    parts = read_layout("tiny_imagenet", published, labels=str(tmp_path / "labels.csv"))
    assert parts["train"].class_names == ("n01", "n02", "n03")
    assert [r.path.name for r in parts["train"].records] == ["n01_1.JPEG", "n02_1.JPEG", "n03_1.JPEG"]
    assert [r.label for r in parts["test"].records] == [0, 1, 2]
    (tmp_path / "labels.csv").write_text("\n".join(["path,name,split", *rows, "x.JPEG,n01,dev"]))
    with pytest.raises(UserError, match=r"labels\.csv, line 8: split is 'dev'"):
        read_layout("tiny_imagenet", published, labels=tmp_path / "labels.csv")


def test_what_is_missing_is_named(published):
    (published / "val" / "images" / "val_1.JPEG").unlink()
    with pytest.raises(UserError, match=r"val_1\.JPEG"):
        read_layout("tiny_imagenet", published)
    assert len(read_layout("tiny_imagenet", published, missing_ok=True)["test"].records) == 2
    (published / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn09\n")
    with pytest.raises(UserError, match=r"line 1: 'n09' is not a class of train/"):
        read_layout("tiny_imagenet", published)
    shutil.rmtree(published / "train")
    with pytest.raises(UserError, match=r"has neither labels\.csv nor train/"):
        read_layout("tiny_imagenet", published)
