"""The class names that are shipped are the published ones."""

import pytest

from videomamba.labels import ava_class_names, class_names


@pytest.mark.shared
def test_the_class_names_are_the_published_ones(shared_data):
    for dataset in ("k400", "ssv2", "hmdb51"):
        assert list(class_names(dataset)) == (shared_data / "labels" / f"{dataset}.txt").read_text().splitlines()
    ava = [f"{number}: {name}" for number, name in ava_class_names().items()]
    assert ava == (shared_data / "labels" / "ava60.txt").read_text().splitlines()


def test_counts_of_the_class_names():
    counts = {name: len(class_names(name)) for name in ("k400", "ssv2", "hmdb51", "breakfast")}
    assert counts == {"k400": 400, "ssv2": 174, "hmdb51": 51, "breakfast": 10}
    assert len(ava_class_names()) == 60
    assert min(ava_class_names()) == 1
    assert max(ava_class_names()) == 80
    with pytest.raises(ValueError, match="no class names for 'ucf'; there are those of imagenet1k, k400, ssv2, hmdb51"):
        class_names("ucf")
