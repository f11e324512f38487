"""AVA's csv files and label maps are read as they are written."""

import pytest

from videomamba.data.datasets.ava_files import read_label_map
from videomamba.errors import UserError


def test_label_maps_as_protocol_buffers_write_them(tmp_path):
    file = tmp_path / "a.pbtxt"
    file.write_text(
        'item {\n  name: "ru\\303\\251 {x}"  # a comment with } and "\n  id: 1\n}\n'
        'label { name: \'it\\\'s \\"this\\"\' label_id: 2 label_type: PERSON_MOVEMENT }\nitem{id:3,name:"a\\\\b"}\n'
    )
    assert read_label_map(file) == {1: "rué {x}", 2: 'it\'s "this"', 3: "a\\b"}
    for text, said in (
        ('item { name: "a" id: 1 } item { name: "b" id: 1 }', "id 1 is there twice"),
        ('item { name: "a" }', "has name .a. and id None"),
        ('item { display_name: "a" id: 1 }', "has name None and id 1"),
    ):
        file.write_text(text)
        with pytest.raises(UserError, match=said):
            read_label_map(file)
