"""``videomamba score ava``: files of anybody's detections."""

import json

import pytest

from tests.tiny import FIXTURES
from videomamba.cli.main import main


def test_score_of_the_fixture_and_of_other_files(capsys, fails, tmp_path):
    files = {
        "--ground-truth": FIXTURES / "ava_gt.csv",
        "--detections": FIXTURES / "ava_detections.csv",
        "--label-map": FIXTURES / "ava_labelmap.pbtxt",
    }

    def command(**changed):
        given = {**files, **{f"--{name.replace('_', '-')}": value for name, value in changed.items()}}
        return ["score", "ava", *(str(part) for pair in given.items() for part in pair), "--json"]

    expected = json.loads((FIXTURES / "ava_expected.json").read_text())
    assert main(command()) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"mAP", "AP"}
    assert result["mAP"] == pytest.approx(expected.pop("PascalBoxes_Precision/mAP@0.5IOU"), abs=1e-9)
    assert result["AP"] == pytest.approx({key.rsplit("/", 1)[1]: value for key, value in expected.items()}, abs=1e-9)

    (tmp_path / "none.csv").write_text("")
    assert main(command(detections=tmp_path / "none.csv")) == 0
    assert set(json.loads(capsys.readouterr().out)["AP"].values()) == {0.0}

    (tmp_path / "map.pbtxt").write_text('item {\n  name: "a1"\n  id: 1\n}\nitem {\n  name: "new"\n  id: 99\n}\n')
    assert main(command(label_map=tmp_path / "map.pbtxt")) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["AP"] == {"a1": pytest.approx(result["AP"]["a1"], abs=1e-9), "new": None}
    assert "are of classes that the label map does not have" in err

    (tmp_path / "bad.csv").write_text("vid0,0902,0.1,0.1,x,0.5,1,0.5\n")
    assert "bad.csv:1: x2 'x' is not a number" in fails(*command(detections=tmp_path / "bad.csv"))
    assert "no such file" in fails(*command(detections=tmp_path / "no.csv")).lower()
    assert "is no label map" in fails(*command(label_map=FIXTURES / "ava_gt.csv"))
    assert "needs --detections" in fails("score", "ava", "--ground-truth", FIXTURES / "ava_gt.csv")


def test_excluded_frames_are_left_out_of_both(capsys, tmp_path):
    truth = [line for line in (FIXTURES / "ava_gt.csv").read_text().splitlines() if not line.startswith("vid1")]
    found = [line for line in (FIXTURES / "ava_detections.csv").read_text().splitlines() if not line.startswith("vid1")]
    (tmp_path / "gt.csv").write_text("\n".join(truth))
    (tmp_path / "found.csv").write_text("\n".join(found))
    times = {line.split(",")[1] for line in (FIXTURES / "ava_gt.csv").read_text().splitlines()}
    (tmp_path / "out.csv").write_text("".join(f"vid1,{int(time)}\n" for time in times))

    def score(gt, detections, *more):
        files = ["--ground-truth", str(gt), "--detections", str(detections)]
        labels = ["--label-map", str(FIXTURES / "ava_labelmap.pbtxt")]
        assert main(["score", "ava", *files, *labels, "--json", *map(str, more)]) == 0
        return json.loads(capsys.readouterr().out)

    excluded = score(FIXTURES / "ava_gt.csv", FIXTURES / "ava_detections.csv", "--excluded", tmp_path / "out.csv")
    assert excluded == score(tmp_path / "gt.csv", tmp_path / "found.csv")
