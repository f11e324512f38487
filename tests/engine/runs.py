"""Runs of the engine on the clips of three colours, and modules that somebody wrote."""

import io

from rich.console import Console
from torch import nn

from videomamba.engine import load_splits, train
from videomamba.models import CustomModel, load_model
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.recognition import Recognition

NAMES = ("blue", "green", "red")


def start(run, **options):
    splits = load_splits(run.data, seed=run.seed)
    return train(run, Recognition(NAMES), splits, console=Console(file=io.StringIO()), **options)


def saved(run):
    return load_model(run.output / "last").state_dict()


class Sick(nn.Module):
    """Three layers, the second of which fails from some call on."""

    def __init__(self, call):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool3d(1)
        self.first, self.second, self.third = nn.Linear(3, 8), Failing(call), nn.Linear(8, 3)

    def forward(self, video):
        return self.third(self.second(self.first(self.pool(video).flatten(1))))


class Failing(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call, self.seen = call, 0

    def forward(self, x):
        self.seen += self.training
        return x / 0 if self.training and self.seen >= self.call else x


def own(module):
    return CustomModel(module, class_names=NAMES, preprocessing=Preprocessing(num_frames=4, size=(32, 32)))
