"""A small data set in MS-TCN's layout, that any model can learn."""

from pathlib import Path

import numpy as np

NAMES = ("pour", "stir", "background")
CHANNELS = 6


def write_mstcn(root: Path, *, videos: int = 4, channels: int = CHANNELS, splits: int = 4, seed: int = 0) -> Path:
    """Videos of 40 to 60 frames whose features tell the class, the last one held out in every split."""
    rng = np.random.default_rng(seed)
    for folder in ("groundTruth", "features", "splits"):
        (root / folder).mkdir(parents=True)
    (root / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(NAMES)))
    centres = rng.normal(size=(len(NAMES), channels)) * 2
    for v in range(videos):
        labels = np.repeat(rng.permutation([0, 1, 2, 0, 1]), rng.integers(8, 13, 5))
        features = centres[labels].T + rng.normal(size=(channels, len(labels))) * 0.3
        np.save(root / "features" / f"v{v}.npy", features.astype(np.float32))
        (root / "groundTruth" / f"v{v}.txt").write_text("\n".join(NAMES[label] for label in labels) + "\n")
    for k in range(1, splits + 1):
        for part, members in (("train", range(videos - 1)), ("test", [videos - 1])):
            text = "".join(f"v{v}.txt\n" for v in members)
            (root / "splits" / f"{part}.split{k}.bundle").write_text(text)
    return root
