"""Options that several verbs share, and where answers go."""

import json
from pathlib import Path

import pytest

from videomamba import machine
from videomamba.cli.common.options import (
    default_workers,
    named_options,
    names_given,
    people,
    print_json,
    refuse,
    require_split,
)
from videomamba.errors import UserError


def test_programs_read_standard_output_and_people_standard_error(capsys):
    print_json({"path": Path("a.mp4"), "top1": 0.5})
    people().print("[bold] a name [0]")
    out, err = capsys.readouterr()
    assert json.loads(out) == {"path": "a.mp4", "top1": 0.5}
    assert err == "[bold] a name [0]\n"


def test_of_several_processes_the_first_one_speaks(capsys, monkeypatch):
    for rank, said in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        print_json(1)
        people().print("x")
        assert tuple(map(bool, capsys.readouterr())) == (said, said)


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (5, 2), (12, 6), (64, 8)])
def test_half_of_the_cores_read(monkeypatch, cores, workers):
    monkeypatch.setattr(machine, "cores", lambda: cores)
    assert default_workers() == workers


def test_options_by_name():
    assert named_options(("keyframes=even:4", "x=a=b")) == {"keyframes": "even:4", "x": "a=b"}
    with pytest.raises(UserError, match="--data-option even: expected NAME=VALUE"):
        named_options(("x=1", "even"))


def test_what_is_at_its_default_is_not_given():
    assert names_given({"a": None, "b": False, "c": (), "d": 0.5, "e": ("x",), "f": 0}) == ["d", "e", "f"]
    with pytest.raises(UserError, match="this has no frames: leave out --frames, --stride"):
        refuse({"--frames": 0, "--size": None, "--stride": "uniform"}, "this has no frames")
    refuse({"--frames": None}, "this has no frames")
    with pytest.raises(UserError, match="--hold-out actor=ann needs --split"):
        require_split(None, "actor=ann")
    require_split("a.csv", "actor=ann")
    require_split(None, None)
