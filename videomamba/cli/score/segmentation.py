"""``videomamba score segmentation``: MoF, Edit and F1 of any frame labels."""

from pathlib import Path

from rich.table import Table

from videomamba.cli.common.options import people, print_json


def score_segmentation(ground_truth: Path, predictions: Path, *, ignore: tuple[str, ...], json: bool = False) -> int:
    """The figures of all predicted videos, as MS-TCN's and ASFormer's evaluator computes them.

    Raises:
        ValueError: a file that cannot be read, a prediction without ground truth, or lengths that differ by more than a
            few frames.
    """
    from videomamba.data.datasets.mstcn_labels import paired_labels
    from videomamba.tasks.metrics.segmentation import segmentation_scores

    console = people()
    pairs, notes = paired_labels(ground_truth, predictions)
    for note in notes:
        console.print(f"note: {note}", soft_wrap=True)
    everywhere = {label for pair in pairs.values() for labels in pair for label in labels}
    for label in ignore:
        if label not in everywhere:
            console.print(f"note: no frame is {label}, so leaving it out changes nothing", soft_wrap=True)
    scores = segmentation_scores(pairs.values(), ignore=ignore)
    table = Table(*scores)
    table.add_row(*(f"{value:.2f} %" for value in scores.values()))
    console.print(table)
    left_out = f"segments of {', '.join(ignore)} left out" if ignore else "all segments"
    console.print(f"{len(pairs)} videos, {left_out}", soft_wrap=True)
    if json:
        print_json(scores)
    return 0
