"""The settings of ASFormer's ST-SSM on GTEA, chosen per split on its training videos, then trained with.

Of a split's three persons in training, two train each variant and one tests it, on the features of the split that
leaves this person out (their network has not seen it). The variant with the highest mean of the five figures over the
last ten epochs is chosen. The split's test videos take no part.

    python benchmarks/gtea_block.py choose GTEA --output runs/gtea_block                 # 16 runs of 40 epochs
    python benchmarks/gtea_block.py train GTEA --output runs/gtea_block --seeds 0 1 2    # 12 runs of 120 epochs

Finished runs are not repeated. Several processes can share the work, each with its own `--splits`.
"""

import argparse
import csv
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

from videomamba.experiments import run
from videomamba.recipes.segmentation import gtea

SPLITS = (1, 2, 3, 4)
FIGURES = ("F1@10", "F1@25", "F1@50", "Edit", "MoF")
VARIANTS: dict[str, dict[str, Any]] = {
    "expansion 1, dropped, scaled": {},  # the recipe's own
    "expansion 2": {"expand": 2, "drop_path_rate": 0.0, "layer_scale": None},
    "expansion 1, dropped": {"expand": 1, "drop_path_rate": 0.3, "layer_scale": None},
    "expansion 2, dropped": {"expand": 2, "drop_path_rate": 0.3, "layer_scale": None},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("choose", "train"))
    parser.add_argument("data", type=Path, metavar="GTEA")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--splits", type=int, nargs="+", default=SPLITS)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--epochs", type=int, help="default: 40 to choose, 120 to train")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    for split in options.splits:
        scores = choose(options.data, split, options.output, options.epochs or 40, options.device)
        for name, figures in scores.items():
            print(f"split {split}  {name:<30}", *(f"{figure:5.1f}" for figure in figures))
        if options.what == "train":
            best = max(scores, key=lambda name: statistics.mean(scores[name]))
            for seed in options.seeds:
                folder = options.output / f"split-{split}" / f"seed-{seed}"
                rows = trained(options.data, split, best, folder, options.epochs or 120, options.device, seed)
                print(f"split {split}  {best}, seed {seed}:", *(f"{float(rows[-1][name]):5.1f}" for name in FIGURES))


def choose(data: Path, split: int, output: Path, epochs: int, device: str) -> dict[str, list[float]]:
    """Each variant's mean figures over the last ten epochs, without the split's test videos."""
    tester = (split + 2) % 4 + 1
    inner = inner_split(data, split, tester, output / f"inner-{split}")
    scores = {}
    for number, name in enumerate(VARIANTS):
        rows = trained(inner, 1, name, output / "choice" / f"{split}-{number}", epochs, device)
        scores[name] = [statistics.mean(float(row[figure]) for row in rows[-10:]) for figure in FIGURES]
    return scores


def inner_split(data: Path, split: int, tester: int, folder: Path) -> Path:
    """A folder whose split 1 tests on one person and trains on the two who are left."""
    persons = {s: (data / "splits" / f"test.split{s}.bundle").read_text().split() for s in SPLITS}
    (folder / "splits").mkdir(parents=True, exist_ok=True)
    train = [video for s in SPLITS if s not in (split, tester) for video in persons[s]]
    for part, videos in (("train", train), ("test", persons[tester])):
        (folder / "splits" / f"{part}.split1.bundle").write_text("\n".join(videos) + "\n")
    for name, of in (("groundTruth",) * 2, ("mapping.txt",) * 2, ("features_split1", f"features_split{tester}")):
        if not (folder / name).exists():
            (folder / name).symlink_to((data / of).resolve())
    return folder


def trained(
    data: Path, split: int, variant: str, output: Path, epochs: int, device: str, seed: int = 0
) -> list[dict[str, str]]:
    """The epochs of a run, which is trained unless it has finished."""
    if not (output / "result.json").exists():
        config = gtea(data)
        run(
            replace(
                config,
                data=replace(config.data, fold=split, workers=0),
                model=replace(config.model, overrides={**config.model.overrides, **VARIANTS[variant]}),
                optim=replace(config.optim, epochs=epochs),
                output=output,
                device=device,
                seed=seed,
            )
        )
    with (output / "metrics.csv").open() as lines:
        return list(csv.DictReader(lines))


if __name__ == "__main__":
    main()
