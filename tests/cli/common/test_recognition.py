"""What is said when a run has ended can be typed."""

import json
import shlex

from tests.tiny import OPTIONS
from videomamba.cli.main import main


def test_the_commands_at_the_end_work(clips, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(clips), *OPTIONS, "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    (folder,) = (tmp_path / "runs").iterdir()
    assert result["run"] == f"runs/{folder.name}"
    assert folder.name.startswith("colours-")
    assert "12 to train, 3 held out, 3 classes" in err
    best, last = result["best"], result["last"]
    assert f"{100 * last['top1']:.1f} % at the end, runs/{folder.name}/last" in err
    assert f"at best {100 * best['top1']:.1f} % after epoch {best['epoch']}, runs/{folder.name}/best" in err
    commands = [shlex.split(line.removeprefix("next: ")) for line in err.splitlines() if line.startswith("next: ")]
    assert [command[1] for command in commands] == ["predict", "evaluate"]
    for command in commands:
        assert main([*command[1:], "--json"]) == 0
    answers, report = capsys.readouterr().out.split("]\n{")
    assert json.loads("{" + report)["top1"] == result["best"]["top1"]
    assert "predictions" in json.loads(answers + "]")[0]
