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
