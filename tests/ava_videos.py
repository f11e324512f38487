"""A small data set in AVA's form: videos with a coloured square that moves; its colour is its action."""

from pathlib import Path

import numpy as np

from videomamba.data.synthetic import write_video

ACTIONS = {"glow red": (230, 40, 30), "glow green": (30, 220, 60), "glow blue": (40, 60, 230)}
SIZE, SIDE, FRAMES, KEYFRAMES = (48, 72), 24, 16, 4  # height and width, square, frames of a video, keyframes 1 to 4
# for `videomamba train ava`
OPTIONS = ("--data-option", "keyframes=even:4", "--model", "videomamba_nano", "--frames", "4", "--stride", "1",
           "--size", "32", "--batch-size", "4", "--device", "cpu", "--workers", "0")  # fmt: skip


def corner(number: int, frame: int) -> tuple[int, int]:
    """Left and top of the square, in pixels."""
    return 4 + (number * 7 + frame) % 40, 2 + (number * 5 + frame) % 20


def write_ava(root: Path, *, train: int = 6, test: int = 3) -> Path:
    """``root`` with videos, csv files and a label map whose numbers have a gap."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, numbers in (("train", range(train)), ("val", range(train, train + test))):
        rows = []
        for number in numbers:
            name = list(ACTIONS)[number % 3]
            video = rng.integers(90, 130, (FRAMES, *SIZE, 3)).astype(np.uint8)
            for frame in range(FRAMES):
                left, top = corner(number, frame)
                video[frame, top : top + SIDE, left : left + SIDE] = ACTIONS[name]
            write_video(root / f"clip{number}.mp4", video, fps=8)
            for keyframe in range(1, KEYFRAMES + 1):
                left, top = corner(number, round((keyframe - 0.5) / KEYFRAMES * FRAMES))
                x1, y1, x2, y2 = left / SIZE[1], top / SIZE[0], (left + SIDE) / SIZE[1], (top + SIDE) / SIZE[0]
                action = {"glow red": 1, "glow green": 2, "glow blue": 5}[name]
                rows.append(f"clip{number},{keyframe:04d},{x1:.6f},{y1:.6f},{x2:.6f},{y2:.6f},{action},{number}\n")
        (root / f"ava_{part}_v2.2.csv").write_text("".join(rows))
    (root / "ava_action_list_v2.2.pbtxt").write_text(
        "".join(
            f'label {{\n  name: "{name}"\n  label_id: {number}\n  label_type: PERSON_MOVEMENT\n}}\n'
            for name, number in zip(ACTIONS, (1, 2, 5), strict=True)
        )
    )
    return root


EVEN = {"keyframes": f"even:{KEYFRAMES}"}


def copy_of(ava, folder):
    """The same videos under other annotations, to change."""
    folder.mkdir()
    for file in ava.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
