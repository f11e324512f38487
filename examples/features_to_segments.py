"""Films with labels to segments of another: python examples/features_to_segments.py CHECKPOINT FILMS NEW_FILM WORK

FILMS has film.mp4 beside film.txt, one label per frame. The checkpoint, a VideoMamba, makes features of each film, an
MS-TCN++ learns to segment them, and the segments of NEW_FILM are printed. WORK is a new folder for features and run.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch

from videomamba import load_model
from videomamba.experiments import run
from videomamba.inference.feature_times import times_beside
from videomamba.inference.features import windows_for, write_features
from videomamba.inference.segment import segment_features
from videomamba.models import Segmenter, VideoMamba
from videomamba.recipes.segmentation import gtea

CPU = torch.device("cpu")


def prepare(backbone: VideoMamba, films: Path, root: Path) -> None:
    """Writes MS-TCN's layout: features, labels, the numbers of classes, and a split that tests on the last film."""
    for folder in ("features", "groundTruth", "splits"):
        (root / folder).mkdir(parents=True)
    names = sorted(film.stem for film in films.glob("*.mp4"))
    classes: list[str] = []
    for name in names:
        write_features(root / "features" / f"{name}.npy", backbone, films / f"{name}.mp4", windows_for(backbone),
                       name="backbone", device=CPU)  # fmt: skip
        text = (films / f"{name}.txt").read_text()
        (root / "groundTruth" / f"{name}.txt").write_text(text)
        classes = list(dict.fromkeys([*classes, *text.split()]))
    (root / "mapping.txt").write_text("".join(f"{i} {label}\n" for i, label in enumerate(classes)))
    for part, there in (("train", names[:-1]), ("test", names[-1:])):
        (root / "splits" / f"{part}.split1.bundle").write_text("".join(f"{name}.txt\n" for name in there))


def main() -> None:
    checkpoint, films, film, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
    backbone = load_model(checkpoint)
    assert isinstance(backbone, VideoMamba), "features come from a VideoMamba"
    prepare(backbone, films, work / "data")

    settings = gtea(work / "data", model="mstcn2")
    optim = dataclasses.replace(settings.optim, epochs=30)
    result = run(dataclasses.replace(settings, output=work / "run", optim=optim))
    print(f"MoF of the held-out film: {result.last['MoF']:.1f} %")

    segmenter = load_model(result.folder / "last")
    assert isinstance(segmenter, Segmenter)
    new = work / "new.npy"
    write_features(new, backbone, film, windows_for(backbone), name=checkpoint, device=CPU)
    for segment in segment_features(segmenter, np.load(new), device=CPU, times=times_beside(new)):
        print(f"{segment.start_seconds:6.2f} s to {segment.end_seconds:6.2f} s  {segment.label}")


if __name__ == "__main__":
    main()
