"""``videomamba score``: published figures of anybody's answers, from files alone."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from videomamba.cli.options import Json, option
from videomamba.cli.score_ava import score_ava


def score(
    what: Annotated[Literal["ava"], tyro.conf.Positional, option("ava")],
    ground_truth: Annotated[Path, option("G.csv")],
    detections: Annotated[Path | None, option("D.csv")] = None,
    label_map: Annotated[Path | None, option("L.pbtxt")] = None,
    excluded: Annotated[Path | None, option("X.csv")] = None,
    json: Json = False,
) -> int:
    """Computes a benchmark's figures as its official evaluator does.

    `ava`: frame mAP at IoU 0.5. The csv files have no header and the columns video, timestamp, x1, y1, x2, y2
    (fractions of the picture), action and, for detections, score. Of each frame the 50 highest-scored detections count.

    Args:
        what: the benchmark
        ground_truth: the annotated boxes
        detections: the boxes to score
        label_map: the classes that count (AVA's 60: ava_action_list_v2.2_for_activitynet_2019.pbtxt)
        excluded: csv of video,timestamp pairs that are left out of both
    """
    if detections is None or label_map is None:
        raise ValueError("score ava needs --detections D.csv and --label-map L.pbtxt beside --ground-truth")
    return score_ava(ground_truth, detections, label_map, excluded=excluded, json=json)
