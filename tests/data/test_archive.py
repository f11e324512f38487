"""Archives are unpacked whole or not at all, and only once."""

import zipfile

import pytest

from videomamba.data.archive import unpack, unpacked_folder
from videomamba.errors import UserError


def packed(file, contents):
    with zipfile.ZipFile(file, "w") as opened:
        for name, text in contents.items():
            opened.writestr(name, text)
    return file


def test_unpacks_once_without_what_systems_leave(tmp_path):
    archive = packed(tmp_path / "a.zip", {"red/1.txt": "1", "__MACOSX/red/1.txt": "x", "red/.DS_Store": "x"})
    folder, told = unpacked_folder(archive, tmp_path / "data"), []
    unpack(archive, folder, progress=lambda done, total: told.append((done, total)))
    assert [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file()] == ["red/1.txt"]
    assert told == [(1, 1)]
    (folder / "red/1.txt").write_text("kept")
    unpack(archive, folder)
    assert (folder / "red/1.txt").read_text() == "kept"


def test_another_archive_of_the_same_name_gets_another_folder(tmp_path):
    first = unpacked_folder(packed(tmp_path / "a.zip", {"red/1.txt": "1"}), tmp_path)
    assert first != unpacked_folder(packed(tmp_path / "a.zip", {"red/1.txt": "2"}), tmp_path)
    assert first == unpacked_folder(packed(tmp_path / "a.zip", {"red/1.txt": "1"}), tmp_path)


def test_what_cannot_be_unpacked_leaves_nothing(tmp_path):
    outside = packed(tmp_path / "outside.zip", {"../evil.txt": "x"})
    damaged = packed(tmp_path / "damaged.zip", {"a.txt": "x" * 1000})
    data = bytearray(damaged.read_bytes())
    data[100] ^= 255
    damaged.write_bytes(bytes(data))
    for archive, why in ((outside, r"outside of itself: \.\./evil\.txt"), (damaged, "cannot be unpacked: Bad CRC-32")):
        with pytest.raises(UserError, match=why):
            unpack(archive, tmp_path / "out")
        assert not (tmp_path / "out").exists()
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(UserError, match=r"text\.zip is not a zip archive"):
        unpacked_folder(tmp_path / "text.zip", tmp_path)


def test_compressed_data_that_are_damaged_are_one_line(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.txt", "some words " * 100)
        start = opened.infolist()[0].header_offset + 30 + len("a.txt")
    data = bytearray(archive.read_bytes())
    data[start] = 0xFF  # a block of no known kind
    archive.write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"a\.zip cannot be unpacked: .*invalid") as error:
        unpack(archive, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()
