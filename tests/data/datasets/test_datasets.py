"""Errors of the published layouts say what was looked for."""

import pytest

from tests.data import layouts
from videomamba.data.datasets import LAYOUTS, read_layout


@pytest.mark.parametrize("layout", ["kinetics", "ssv2", "hmdb51", "breakfast"])
def test_an_empty_folder_is_told_what_was_looked_for(tmp_path, layout):
    looked_for = {
        "kinetics": "looked for train.csv, annotations/train.csv",
        "ssv2": "looked for 20bn-something-something-v2/<id>.webm",
        "hmdb51": "looked for <class>_test_split1.txt",
        "breakfast": "looked for P03/cam01/P03_cereals.avi",
    }
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=looked_for[layout] if folder == tmp_path else "nowhere"):
            LAYOUTS[layout](folder)


def test_a_split_that_a_layout_does_not_have(tmp_path):
    root = layouts.hmdb51(tmp_path)
    assert read_layout("hmdb51", root, fold=2) == LAYOUTS["hmdb51"](root, fold=2)
    assert read_layout("hmdb51", root) == LAYOUTS["hmdb51"](root, fold=1)
    with pytest.raises(ValueError, match="fold=4: data in the layout 'hmdb51' has splits 1 to 3"):
        read_layout("hmdb51", root, fold=4)
    with pytest.raises(ValueError, match="fold=2: data in the layout 'kinetics' has one split"):
        read_layout("kinetics", root, fold=2)
