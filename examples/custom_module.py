"""Trains your own network with mixup and cutmix, and loads it again: python examples/custom_module.py CLIPS [RUN]

CLIPS has one folder of videos per class; RUN is the run's new folder. Settings without a command-line option, such as
mixup and cutmix, are fields of the run's configuration.
"""

import dataclasses
import sys
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn

from videomamba.engine import load_splits, train
from videomamba.models import CustomModel
from videomamba.preprocessing import Preprocessing
from videomamba.recipes import folder
from videomamba.tasks.recognition import Recognition


class SmallC3D(nn.Module):
    """Three convolutions over space and time: (B, 3, T, H, W) to (B, classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths = (3, 16, 32, 64)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv3d(a, b, 3, padding=1), nn.BatchNorm3d(b), nn.ReLU(), nn.MaxPool3d(2, ceil_mode=True)
                )
                for a, b in pairwise(widths)
            )
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, video: Tensor) -> Tensor:
        logits: Tensor = self.head(self.stages(video).mean((2, 3, 4)))
        return logits


def main() -> None:
    clips, output = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
    run = dataclasses.replace(folder(clips), output=output)
    optim = dataclasses.replace(run.optim, lr=3e-3, mixup=0.2, cutmix=1.0, epochs=10, min_steps=0)
    run = dataclasses.replace(run, optim=optim)
    splits = load_splits(run.data, seed=run.seed)
    names = splits.train.class_names
    model = CustomModel(
        SmallC3D(len(names)), class_names=names, preprocessing=Preprocessing(num_frames=8, size=(64, 64))
    )
    result = train(run, Recognition(names, label_smoothing=0.1), splits, model=model)
    print(f"top-1 of the last epoch: {100 * result.last['top1']:.1f} %")

    again = CustomModel.load(result.folder / "last", SmallC3D(len(names)))
    print(f"{result.folder / 'last'} holds {again.config.module}, with classes {', '.join(again.class_names)}")


if __name__ == "__main__":
    main()
