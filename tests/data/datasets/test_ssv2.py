"""Something-Something V2: json files and numbered videos."""

import json
from collections import Counter

import pytest

from tests.data import layouts
from tests.data.layouts import by_class
from videomamba.data.datasets import LAYOUTS
from videomamba.labels import class_names


@pytest.mark.parametrize("prefix", ["something-something-v2-", ""])
def test_ssv2(tmp_path, prefix):
    parts = LAYOUTS["ssv2"](layouts.ssv2(tmp_path, prefix=prefix))
    assert parts["train"].class_names == class_names("ssv2")
    assert Counter(record.label for record in parts["train"].records) == {86: 2, 19: 2}
    assert by_class(parts["test"])["Pulling something from left to right"] == ["105.webm", "106.webm"]


def test_ssv2_takes_the_order_of_the_labels_file(tmp_path):
    root = layouts.ssv2(tmp_path)
    file = root / "something-something-v2-labels.json"
    names = list(class_names("ssv2"))
    file.write_text(json.dumps({name: str(i) for i, name in enumerate(reversed(names))}))
    train = LAYOUTS["ssv2"](root)["train"]
    assert train.class_names == tuple(reversed(names))
    assert set(by_class(train)) == {name.replace("[", "").replace("]", "") for name in layouts.SSV2}
    file.unlink()
    assert LAYOUTS["ssv2"](root)["train"].class_names == tuple(names)


def test_bad_annotations(tmp_path):
    root = layouts.ssv2(tmp_path / "ssv2")
    file = root / "something-something-v2-train.json"
    for text, said in (
        ("{", "cannot be read as JSON"),
        ("{}", "holds a dict; expected a list"),
        ('[{"id": "1"}]', "has no id and template"),
        ('[{"id": "1", "template": "Eating [something]"}]', "'Eating something' of video 1 is not one of the 174"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=said):
            LAYOUTS["ssv2"](root)
