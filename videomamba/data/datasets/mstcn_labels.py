"""Frame labels in files: one per line, or the results that MS-TCN's and ASFormer's code write."""

from pathlib import Path

from videomamba.data.names import class_name
from videomamba.data.walk import is_hidden
from videomamba.errors import UserError
from videomamba.files import read_text

_HEADER = "###"  # "### Frame level recognition: ###", then all labels in one line
FEW_FRAMES, FEW_SHARE = 32, 0.02


def read_labels(path: Path) -> list[str]:
    """One label per frame: one label per line, or, under a header line of ``###``, all in one line.

    Raises:
        UserError: not text, or a line without a label between others.
    """
    text = read_text(path).rstrip()
    lines = text.split("\n") if text else []
    if lines and lines[0].startswith(_HEADER):
        return [class_name(label) for label in " ".join(lines[1:]).split()]
    labels = [class_name(line) for line in lines]
    if "" in labels:
        raise UserError(f"{path}: line {labels.index('') + 1} has no label; expected one per frame")
    return labels


def few(length: int, other: int) -> bool:
    """Whether two lengths differ by so little that the surplus may be cut off: 32 frames, or 2 % of the longer."""
    return abs(length - other) <= max(FEW_FRAMES, FEW_SHARE * max(length, other))


def paired_labels(ground_truth: Path, predictions: Path) -> tuple[dict[str, tuple[list[str], list[str]]], list[str]]:
    """True and predicted labels by video, cut to the same length, and what people should know.

    A video's file is ``NAME.txt`` or ``NAME``. Videos without a prediction are left out: a folder of ground truth has
    those of all splits. An empty prediction stays empty.

    Raises:
        UserError: no such folder, no predictions, a prediction without ground truth, or other lengths by many frames.
    """
    true_files, found_files = _label_files(ground_truth), _label_files(predictions)
    unknown = sorted(found_files.keys() - true_files)
    if unknown:
        raise UserError(
            f"{predictions} has predictions for {len(unknown)} videos that {ground_truth} does not know, the first "
            f"{unknown[0]}; it knows {', '.join(sorted(true_files)[:3])}, ..."
        )
    pairs, notes = {}, []
    for name, file in sorted(found_files.items()):
        truth, predicted = read_labels(true_files[name]), read_labels(file)
        if not truth:
            raise UserError(f"{true_files[name]} has no labels")
        if not predicted:
            notes.append(f"{file} is empty: all of its {len(truth)} frames count as wrong")
        elif len(truth) != len(predicted):
            lengths = f"{file} has {len(predicted)} labels, its ground truth {len(truth)}"
            if not few(len(truth), len(predicted)):
                raise UserError(f"{lengths}; is it of another frame rate? one label per frame is expected")
            shorter = min(len(truth), len(predicted))
            notes.append(f"{lengths}: scored the first {shorter}")
            truth, predicted = truth[:shorter], predicted[:shorter]
        pairs[name] = truth, predicted
    missing = len(true_files) - len(pairs)
    if missing:
        notes.append(f"{missing} of the {len(true_files)} videos of {ground_truth} have no prediction and do not count")
    return pairs, notes


def _label_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; name one that holds a file of frame labels for each video")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() or is_hidden(path.name) or path.suffix not in ("", ".txt"):
            continue
        name = class_name(path.name.removesuffix(".txt"))
        if name in files:
            raise UserError(f"{folder} has both {files[name].name} and {path.name}; remove one")
        files[name] = path
    if not files:
        raise UserError(f"{folder} has no files of frame labels; looked for NAME.txt and NAME")
    return files
