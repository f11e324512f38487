"""Fine-tunes a checkpoint on a folder of videos and asks it: python examples/fine_tune.py CHECKPOINT CLIPS RUN

CHECKPOINT is a model or run folder, a file of Vim or OpenGVLab, or a Hub id; CLIPS has one folder of videos per class.
The first half of the blocks stays as it is.
"""

import dataclasses
import sys
from pathlib import Path

from videomamba import load_model, predict
from videomamba.experiments import run
from videomamba.models import VideoMamba
from videomamba.recipes import folder


def main() -> None:
    checkpoint, clips, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    start = load_model(checkpoint)
    assert isinstance(start, VideoMamba), "only the blocks of a VideoMamba can be frozen"
    settings = folder(clips, start=checkpoint)
    choice = dataclasses.replace(settings.model, freeze=len(start.blocks) // 2)
    optim = dataclasses.replace(settings.optim, lr=1e-3, epochs=20, min_steps=0, batch_size=4)
    result = run(dataclasses.replace(settings, output=output, model=choice, optim=optim))
    print(f"top-1 of the last epoch: {100 * result.last['top1']:.1f} %")
    for answer in predict(result.folder / "last", [clips], top_k=1):
        print(answer.path, answer.error or answer.top_k[0].label)


if __name__ == "__main__":
    main()
