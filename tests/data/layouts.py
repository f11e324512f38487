"""Small data sets in the layouts that the large ones are published in."""

import csv
import json
import shutil
from pathlib import Path

from tests.data.videos import numbered_frames, write
from videomamba.labels import class_names

K400 = ("abseiling", "zumba")
HMDB51 = ("brush_hair", "wave")
SSV2 = ("Pulling [something] from left to right", "Holding [something] next to [something]")
BREAKFAST = ("cereals", "tea")
FRAMES = 20


def _copies(folder: Path, names: list[str]) -> None:
    """The same clip under many names: one file is encoded, the others are copies."""
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        clip = folder / f".clip{file.suffix}"
        if not clip.exists():
            codec = {".webm": "libvpx", ".avi": "mpeg4"}.get(file.suffix, "libx264")
            write(clip, numbered_frames(FRAMES, 32, 48), codec=codec)
        shutil.copy(clip, file)


def kinetics(root: Path, *, per_class: int = 2, dead: int = 1) -> Path:
    """Official csv files, videos as the Common Visual Data Foundation's are extracted; ``dead`` train links."""
    for split, published in (("train", "train"), ("val", "validate")):
        rows = []
        for label in K400:
            for i in range(per_class + (dead if split == "train" else 0)):
                video = f"{label[:3]}_-{i}_{split}"
                rows.append((label, video, 5 * i, 5 * i + 10, published, 0))
                if i < per_class:
                    _copies(root, [f"{split}/{label}/{video}_{5 * i:06d}_{5 * i + 10:06d}.mp4"])
        (root / "annotations").mkdir(exist_ok=True)
        with (root / "annotations" / f"{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("label", "youtube_id", "time_start", "time_end", "split", "is_cc"), *rows])
    return root


def kinetics_lists(root: Path, *, per_class: int = 2) -> Path:
    """mmaction's lists, videos in videos_train and videos_val."""
    names = class_names("k400")
    for split in ("train", "val"):
        lines = [
            f"{label.replace(' ', '_')}/{label}_{i}.mp4 {names.index(label)}"
            for label in K400
            for i in range(per_class)
        ]
        _copies(root / f"videos_{split}", [line.rpartition(" ")[0] for line in lines])
        (root / f"kinetics400_{split}_list_videos.txt").write_text("\n".join(lines) + "\n")
    return root


def ssv2(root: Path, *, per_class: int = 2, prefix: str = "something-something-v2-") -> Path:
    """The json files, in ``labels/`` where they have no prefix, and webm files by number."""
    labels = root if prefix else root / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    number = 100
    for split in ("train", "validation"):
        rows = []
        for template in SSV2:
            for _ in range(per_class):
                number += 1
                rows.append({"id": str(number), "label": "a thing", "template": template, "placeholders": ["a thing"]})
                _copies(root / "20bn-something-something-v2", [f"{number}.webm"])
        (labels / f"{prefix}{split}.json").write_text(json.dumps(rows))
    index = {name: str(i) for i, name in enumerate(class_names("ssv2"))}
    (labels / f"{prefix}labels.json").write_text(json.dumps(index))
    return root


def hmdb51(root: Path, *, per_class: int = 2) -> Path:
    """Split files of all classes, of which two have videos; in split k, every third video from k on is the test."""
    splits = root / "testTrainMulti_7030_splits"
    splits.mkdir(parents=True)
    for name in class_names("hmdb51"):
        videos = [f"Some_film_{name}_u_cm_np1_fr_med_{i}.avi" for i in range(3 * per_class + 1)]
        videos = videos if name in HMDB51 else []
        _copies(root, [f"{name}/{video}" for video in videos])
        for fold in (1, 2, 3):
            use = [0 if i == 3 * per_class else 2 if i % 3 == fold - 1 else 1 for i in range(len(videos))]
            lines = [f"{video} {number} \n" for video, number in zip(videos, use, strict=True)]
            (splits / f"{name}_test_split{fold}.txt").write_text("".join(lines))
    return root


def breakfast(root: Path) -> Path:
    """Two people who train and one who tests, three cameras, one of them a stereo pair."""
    names = []
    for person in ("P03", "P46", "P47"):
        for activity in BREAKFAST:
            names += [f"{person}/cam01/{person}_{activity}.avi", f"{person}/webcam02/{person}_{activity}.avi"]
            names += [f"{person}/stereo/{person}_{activity}_ch{channel}.avi" for channel in (0, 1)]
    _copies(root / "BreakfastII_15fps_qvga_sync", names)
    return root


def by_class(part):
    """Names of the videos by the name of their class."""
    found = {}
    for record in part.records:
        found.setdefault(part.class_names[record.label], []).append(record.path.name)
    return found
