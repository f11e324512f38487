"""``videomamba recipes`` lists them."""

import json

from videomamba.cli.main import main
from videomamba.recipes import RECIPES


def test_the_verb_lists_them(capsys):
    assert main(["recipes", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(RECIPES)
    assert (rows["ava"]["metric"], rows["50salads"]["published"]) == ("mAP", None)
    row, published = rows["hmdb51_k400"], RECIPES["hmdb51_k400"].published
    assert (row["published"], row["where"]) == (published.figures["top-1"], published.where)
    assert rows["hmdb51_k400"]["begins_from"] == "Kinetics-400"
    assert main(["recipes", "k400"]) == 0
    assert "videomamba train k400 DIR --start CHECKPOINT\n" in capsys.readouterr().err
    assert main(["recipes", "gtea"]) == 0
    figures = RECIPES["gtea"].published.figures
    assert f"MoF {figures['MoF']}, Edit {figures['Edit']}, F1@10" in capsys.readouterr().err
    assert main(["recipes", "k4000"]) == 2
    assert "there is no recipe 'k4000'; `videomamba recipes` lists them" in capsys.readouterr().err
