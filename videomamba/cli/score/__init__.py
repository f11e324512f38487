"""``videomamba score``: a benchmark's figures for any predictions, from files alone."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from videomamba.cli.common.options import Json, option, refuse
from videomamba.cli.score.ava import score_ava
from videomamba.cli.score.segmentation import score_segmentation
from videomamba.errors import UserError


def score(
    what: Annotated[Literal["ava", "segmentation"], tyro.conf.Positional, option("ava|segmentation")],
    ground_truth: Annotated[Path, option("G.csv|DIR")],
    detections: Annotated[Path | None, option("D.csv")] = None,
    label_map: Annotated[Path | None, option("L.pbtxt")] = None,
    excluded: Annotated[Path | None, option("X.csv")] = None,
    predictions: Annotated[Path | None, option("DIR")] = None,
    ignore: Annotated[tuple[str, ...] | None, option("LABEL...")] = None,
    json: Json = False,
) -> int:
    """Computes a benchmark's figures like its official evaluator.

    `ava`: frame mAP at IoU 0.5. The csv files have no header and the columns video, timestamp, x1, y1, x2, y2
    (fractions of the picture), action and, for detections, score. Of each frame the 50 highest-scored detections count.

    `segmentation`: MoF, Edit and F1@10, 25, 50 in percent, as MS-TCN's evaluator has them. Both folders have a file
    NAME.txt or NAME for each video, with one label per line and frame, or as MS-TCN's and ASFormer's code write it.
    Videos without a prediction do not count. A prediction that is longer or shorter by a few frames is scored where
    both have labels; a larger difference is refused.

    Args:
        what: the benchmark
        ground_truth: the annotated boxes; for segmentation the folder of true labels
        detections: ava: the boxes to score
        label_map: ava: the classes that count (AVA's 60: ava_action_list_v2.2_for_activitynet_2019.pbtxt)
        excluded: ava: csv of video,timestamp pairs that are left out of both
        predictions: segmentation: the folder of labels to score
        ignore: segmentation: labels whose segments are left out of Edit and F1 (background)
    """
    if what == "segmentation":
        of_ava = {"--detections": detections, "--label-map": label_map, "--excluded": excluded}
        refuse(of_ava, "score segmentation compares folders of labels")
        if predictions is None:
            raise UserError("score segmentation needs --predictions DIR beside --ground-truth DIR")
        left_out = ("background",) if ignore is None else ignore
        return score_segmentation(ground_truth, predictions, ignore=left_out, json=json)
    refuse({"--predictions": predictions, "--ignore": ignore is not None}, "score ava compares boxes")
    if detections is None or label_map is None:
        raise UserError("score ava needs --detections D.csv and --label-map L.pbtxt beside --ground-truth")
    return score_ava(ground_truth, detections, label_map, excluded=excluded, json=json)
