"""Do a checkpoint's step sizes follow what moves? For clips with a static camera.

    python examples/where_delta_looks.py RUN/last VIDEO...

Over the tokens of each clip: the rank correlation of the step size with how far the token's pixels are from the video's
background (the median of all its frames). Printed for every layer and direction: the mean over the clips, and in
brackets the share of clips where it is above 0. A mean near 0 says that a layer does not distinguish moving from
static tokens; below 0 in most clips, that the layer takes in less where something moves.
"""

import argparse
import dataclasses

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool3d

from videomamba import load_model
from videomamba.data import VideoReader, eval_transform, load_clip
from videomamba.models import VideoMamba


@torch.inference_mode()
def correlations(model: VideoMamba, video: str) -> Tensor:
    """(depth, 3): for the forward direction, the backward one and the mean of both, on the central clip."""
    clip = load_clip(video, model.preprocessing)
    maps = model.delta_maps(clip.video[None])[0]
    with VideoReader(video) as reader:
        frames = reader.read(range(reader.num_frames)).frames
    background = frames.float().median(0).values.round().to(torch.uint8)
    # resized and cropped like the model's input, without normalising colours
    to_grid = eval_transform(dataclasses.replace(model.preprocessing, mean=(0, 0, 0), std=(1, 1, 1)))
    moving = (to_grid(frames[clip.indices]) - to_grid(background[None])).abs().mean(0, keepdim=True)
    there = _ranks(adaptive_avg_pool3d(moving, maps.shape[2:]).flatten())
    rows = [[both[0], both[1], both.mean(0)] for both in maps]
    return torch.tensor([[_correlation(_ranks(values.flatten()), there) for values in row] for row in rows])


def _ranks(values: Tensor) -> Tensor:
    return values.argsort().argsort().double()


def _correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("videos", nargs="+")
    arguments = parser.parse_args()
    model = load_model(arguments.checkpoint).eval()
    assert isinstance(model, VideoMamba), "only a VideoMamba has step sizes"
    found = torch.stack([correlations(model, video) for video in arguments.videos])
    print("| layer | forward | backward | mean of both |\n|---|---|---|---|")
    for layer, values in enumerate(found.unbind(1)):
        cells = [f"{v.mean():+.2f} ({100 * (v > 0).double().mean():.0f} %)" for v in values.unbind(1)]
        print(f"| {layer} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
