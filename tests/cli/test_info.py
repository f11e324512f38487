"""``videomamba info``: what a file or folder holds."""

import json

from videomamba.cli.main import main


def test_info_has_both_counts(trained, capsys):
    assert main(["info", str(trained), "--json"]) == 0
    out, err = capsys.readouterr()
    counts = json.loads(out)["operations"]
    assert 0 < counts["as_the_paper_counts"] < counts["multiply_adds"]
    assert counts["functions"] > 0
    assert "as the paper counts" in err


def test_info_of_a_run_and_of_a_file(trained, vim, capsys):
    assert main(["info", str(trained), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["class_names"] == ["blue", "green", "red"]
    assert facts["source"] == "trained from scratch (colours)"
    assert main(["info", str(vim), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["config"]["depth"] == 2


def test_a_device_for_nothing_is_refused(fails):
    line = fails("info", "nowhere", "--device", "cpu")
    assert line == "error: without --frames and --size no forward pass is made: leave out --device cpu"


def test_info_estimates_a_forward_pass(trained, capsys, fails):
    assert main(["info", str(trained), "--frames", "8", "--size", "64", "--device", "cpu", "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)["estimate"]
    assert (found["frames"], found["height"], found["tokens"]) == (8, 64, 2 * 4 * 4 + 1)
    assert found["seconds"] > 0
    assert "8 frames of 64 x 64, 33 tokens: about" in " ".join(printed.err.split())
    assert "--frames 0; give at least 1" in fails("info", trained, "--frames", 0)
    assert "must be divisible" in fails("info", trained, "--frames", 7)


def test_only_videomamba_is_estimated(segmenter, fails):
    assert "estimated for VideoMamba" in fails("info", segmenter, "--frames", 8)
