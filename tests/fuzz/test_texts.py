"""Texts of every reader, broken in every way: read, or refused in one line of a UserError; never another exception.

Ordinary tests try a few; ``VIDEOMAMBA_FUZZ=2000 pytest tests/fuzz/test_texts.py -s`` tries so many of all readers
together and prints what came of each.
"""

import csv
import io
import json
import os
import pickle
import shutil
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from videomamba.data import read_csv, read_folder
from videomamba.data.broken import read_leave_out
from videomamba.data.datasets import read_ava, read_hmdb51, read_kinetics, read_mstcn, read_ssv2
from videomamba.data.datasets.ava_boxes import read_person_boxes
from videomamba.data.datasets.ava_files import read_exclusions, read_label_map, read_rows, read_scored_rows
from videomamba.data.datasets.ava_pickle import boxes_from_pickle
from videomamba.data.datasets.mstcn_labels import read_labels
from videomamba.engine.run_folder import RunFolder
from videomamba.errors import UserError
from videomamba.labels import class_names

READERS = 14  # tests of this file
MANY = int(os.environ.get("VIDEOMAMBA_FUZZ", "0"))
FUZZ = settings(
    max_examples=MANY // READERS + 1 if MANY else 30,
    derandomize=not MANY,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
COUNTS: Counter[tuple[str, str]] = Counter()

ODD = st.sampled_from(
    [
        *("", " ", "0", "-1", "1.5", "1e999", "nan", "inf", "9" * 400, "1" * 5000, "x" * 300, "x" * 140_000),
        *("é", "e\u0301", "\0", "\ufeff", "\u2028", '"', "'", ",", ";", "\\", "\\n", "../..", "/", ".", "..", "%s"),
        *("{", "}", "a\nb", "a\rb"),
    ]
)
WORDS = ODD | st.text(st.characters(codec="utf-8"), max_size=12) | st.integers().map(str) | st.floats().map(str)
ENCODINGS = st.sampled_from(["utf-8"] * 12 + ["utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-32", "cp1252"])


def mostly(good):
    """One of these words, now and then another."""
    return st.integers(0, 29).flatmap(lambda n: WORDS if n == 0 else st.sampled_from(good))


@st.composite
def spoiled(draw, texts):
    """A text in some encoding, at times with a few bytes changed."""
    data = bytearray(draw(texts).encode(draw(ENCODINGS), "replace"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 1, 3]))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(data)


@st.composite
def tables(draw, *columns, header=None, good=(), rows=3):
    """A csv text: at times ``good`` rows, then some that are mostly of these words."""
    width = draw(st.sampled_from([len(columns)] * 12 + [1, len(columns) - 1, len(columns) + 1, 40]))
    lines = [header] if header and draw(st.integers(0, 15)) else []
    lines += good if draw(st.integers(0, 5)) else []
    for _ in range(draw(st.integers(0, rows))):
        lines.append([draw(mostly(columns[i] if i < len(columns) else [""])) for i in range(width)])
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    if draw(st.integers(0, 3)):
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=draw(st.sampled_from([","] * 8 + [";", "\t"])), lineterminator=end).writerows(lines)
        return text.getvalue()
    return end.join(",".join(line) for line in lines)


def lines_of(*words, good="", count=4):
    """Lines of words with spaces between them, at times after ``good`` ones."""
    line = st.tuples(*(mostly(w) for w in words)).map(" ".join)
    return st.lists(st.integers(0, 19).flatmap(lambda n: line if n else WORDS), max_size=count).flatmap(
        lambda lines: st.sampled_from(["\n", "\r\n", "\n\n"]).flatmap(
            lambda end: st.sampled_from([good, good, good, ""]).map(lambda first: first + end.join(lines))
        )
    )


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=4) | st.dictionaries(WORDS, v, max_size=4), max_leaves=12)
DEEP = st.sampled_from(["[" * 5000, "[" * 100_000, '{"a":' * 5000, '"\\ud800"', '{"\\ud800": 1}'])


def jsons(good):
    """Texts of JSON: of the right form, of another, or none."""
    as_text = good.map(json.dumps)
    return (
        as_text
        | as_text
        | as_text
        | VALUES.map(json.dumps)
        | good.map(lambda v: json.dumps(v, ensure_ascii=False))
        | DEEP
        | WORDS
    )


def outcome(reader, read):
    said = None
    try:
        read()
    except UserError as error:
        said = str(error)
    assert said is None or ("\n" not in said and len(said) < 2000), said[:300]
    COUNTS[reader, "read" if said is None else "refused"] += 1


@pytest.fixture(scope="module", autouse=True)
def counts():
    yield
    if MANY:
        for (reader, what), count in sorted(COUNTS.items()):
            print(f"\n{reader:14} {what:8} {count}", end="")
        print(f"\n{sum(COUNTS.values())} texts")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Empty videos under the names that the tables have."""
    root = tmp_path_factory.mktemp("texts")
    for name in ("a.mp4", "b.mp4", "c.mp4", "d/e.mp4", "train/x.mp4", "val/y.mp4", "abs_0.mp4"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    return root


PATHS = ["a.mp4", "b.mp4", "c.mp4", "d/e.mp4", "d\\e.mp4", "./a.mp4", " a.mp4"]
SPLIT = tables(
    *(PATHS, ["wave", "clap"], ["train", "Train", "training", "test"]),
    header=["path", "label", "split"],
    good=[("train/x.mp4", "wave", "train"), ("val/y.mp4", "clap", "test")],
    rows=2,
)


@FUZZ
@given(data=spoiled(SPLIT))
def test_csv_of_videos(here, data):
    file = here / "split.csv"
    file.write_bytes(data)
    outcome("csv", lambda: read_csv(file, root=here))
    outcome("csv", lambda: read_csv(file, root=here, hold_out="label=wave", missing_ok=True))


@FUZZ
@given(data=spoiled(tables(PATHS, ["train"], ["wave"], ["missing"], ["x"], header=["path", "part", "label", "p", "r"])))
def test_lists_of_broken_files(here, data):
    (here / "bad.csv").write_bytes(data)
    outcome("leave-out", lambda: read_leave_out(here / "bad.csv", here))


NUMBERS = ["0", "0.1", "0.25", ".5", "0.9", "1"]
BOXES = tables(["a", "b.mp4", "-x"], ["902", "0903", "904.0"], NUMBERS, NUMBERS, NUMBERS, NUMBERS, ["1", "80"], NUMBERS)


AVA_ROWS = tables(
    *(["a", "a.mp4"], ["902", "903"], ["0.1"], ["0.1"], ["0.9"], ["0.9"], ["7"], ["0"]),
    good=[("a", "902", "0.1", "0.2", "0.5", "0.6", "7", "0")],
)


@FUZZ
@given(data=spoiled(BOXES))
def test_ava_csv(here, data):
    file = here / "boxes.csv"
    file.write_bytes(data)
    outcome("ava csv", lambda: read_rows(file))
    outcome("ava csv", lambda: read_scored_rows(file))
    outcome("ava csv", lambda: read_person_boxes(file, threshold=0.5))


@FUZZ
@given(data=spoiled(tables(["a", "b"], ["902", "903"])))
def test_ava_exclusions(here, data):
    (here / "excluded.csv").write_bytes(data)
    outcome("ava excluded", lambda: read_exclusions(here / "excluded.csv"))


TOKENS = [
    "item",
    "{",
    "}",
    "name",
    "id",
    "label_id",
    ":",
    '"walk"',
    '"ru\\303\\251"',
    "'a {b}'",
    "1",
    "80",
    "# x\n",
    "\n",
]


@st.composite
def label_maps(draw):
    entries = draw(st.lists(st.tuples(mostly(["walk", "run", "a {b}"]), mostly(["1", "2", "80"])), max_size=2))
    text = "\n".join(f'item {{\n  name: "{name}"\n  id: {number}\n}}' for name, number in entries)
    text += '\nitem {\n  name: "jump"\n  label_id: 7\n}\n'
    more = draw(st.sampled_from([0, 0, 8]))
    return text + " ".join(draw(st.lists(mostly(TOKENS), max_size=more)))


@FUZZ
@given(data=spoiled(label_maps()))
def test_ava_label_maps(here, data):
    (here / "labels.pbtxt").write_bytes(data)
    outcome("ava pbtxt", lambda: read_label_map(here / "labels.pbtxt"))


ROW = st.lists(st.floats(0, 1), min_size=4, max_size=5) | VALUES
PERSONS = st.dictionaries(st.sampled_from(["a,902", "b,0903"]) | WORDS, st.lists(ROW, max_size=3) | VALUES, max_size=3)


@FUZZ
@given(data=spoiled(jsons(PERSONS)))
def test_ava_json(here, data):
    (here / "boxes.json").write_bytes(data)
    outcome("ava json", lambda: read_person_boxes(here / "boxes.json", threshold=0.0))


@st.composite
def pickles(draw):
    value = draw(PERSONS)
    if isinstance(value, dict) and draw(st.booleans()):
        value = {key: np.array(draw(st.lists(st.floats(0, 1), max_size=10))).reshape(-1, 1) for key in value}
    if draw(st.booleans()):
        value = {key: np.random.default_rng(0).random((2, 5)) for key in ("a,1", "b,2")}
    data = bytearray(pickle.dumps(value, protocol=draw(st.integers(0, 5))))
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(data)


@FUZZ
@given(data=pickles())
def test_ava_pickles(here, data):
    source, target = here / "boxes.pkl", here / "from_pickle.csv"
    source.write_bytes(data)
    target.unlink(missing_ok=True)

    def there_and_back():
        if boxes_from_pickle(source, target):
            read_person_boxes(target, threshold=0.0)

    outcome("ava pickle", there_and_back)


@FUZZ
@given(rows=spoiled(AVA_ROWS), excluded=spoiled(tables(["a"], ["902"], rows=2)), labels=spoiled(label_maps()))
def test_ava_folders(here, rows, excluded, labels):
    root = here / "ava"
    (root / "videos" / "a").mkdir(parents=True, exist_ok=True)
    (root / "videos" / "a" / "img_00001.jpg").touch()
    (root / "videos" / "b.mp4").touch()
    for part in ("train", "val"):
        (root / f"ava_{part}_v2.2.csv").write_bytes(rows)
        (root / f"ava_{part}_excluded_timestamps_v2.2.csv").write_bytes(excluded)
    (root / "labels.pbtxt").write_bytes(labels)
    outcome("ava folder", lambda: read_ava(root, keyframes="902:0.01"))


LABELS = lines_of(["take", "pour", "take", "### Frame level recognition: ###"], good="take\n", count=3)
MAPPING = lines_of(["2", "3"], ["stir", "pour"], good="0 take\n1 pour\n", count=1)


@FUZZ
@given(
    data=spoiled(LABELS), mapping=spoiled(MAPPING), bundle=spoiled(lines_of(["pour", "x"], good="pour.txt\n", count=1))
)
def test_mstcn(here, data, mapping, bundle):
    root = here / "mstcn"
    for folder in ("groundTruth", "features", "splits"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("take", "pour"):
        (root / "groundTruth" / f"{name}.txt").write_bytes(data)
        if not (root / "features" / f"{name}.npy").exists():
            np.save(root / "features" / f"{name}.npy", np.zeros((2, 3), np.float32))
    (root / "mapping.txt").write_bytes(mapping)
    (root / "splits" / "train.split1.bundle").write_bytes(b"take.txt\n")
    (root / "splits" / "test.split1.bundle").write_bytes(bundle)
    outcome("ms-tcn labels", lambda: read_labels(root / "groundTruth" / "take.txt"))
    outcome("ms-tcn folder", lambda: read_mstcn(root))


KINETICS = tables(
    *(["zumba", "abseiling", "capsizing"], ["x", "y", "-z"], ["0", "5", "1.5"], ["10"], ["train"]),
    header=["label", "youtube_id", "time_start", "time_end", "split"],
    good=[("zumba", "x", "0", "10", "train"), ("abseiling", "y", "0", "10", "val")],
)


@FUZZ
@given(train=spoiled(KINETICS), val=spoiled(KINETICS))
def test_kinetics(here, train, val):
    (here / "train.csv").write_bytes(train)
    (here / "val.csv").write_bytes(val)
    try:
        outcome("kinetics csv", lambda: read_kinetics(here))
    finally:
        (here / "train.csv").unlink()
        (here / "val.csv").unlink()


@FUZZ
@given(
    train=spoiled(lines_of(["x.mp4", "zumba/x.mp4"], ["0", "399"], good="x.mp4 3\n")),
    val=spoiled(lines_of(["y.mp4"], ["3"], good="y.mp4 3\n")),
)
def test_kinetics_lists(here, train, val):
    (here / "kinetics400_train_list_videos.txt").write_bytes(train)
    (here / "kinetics400_val_list_videos.txt").write_bytes(val)
    outcome("kinetics list", lambda: read_kinetics(here))


TEMPLATES = [name.replace("something", "[something]") for name in class_names("ssv2")[:3]]
VIDEO = st.fixed_dictionaries({"id": mostly(["b", "x"]), "template": mostly(TEMPLATES)})


def ssv2_lists(first):
    """Rows of videos, at times with something else between them."""
    good = {"id": first, "template": TEMPLATES[0]}
    rows = st.lists(st.integers(0, 9).flatmap(lambda n: VIDEO if n else VALUES), max_size=2)
    return rows.map(lambda more: [good, *more])


@FUZZ
@given(
    train=spoiled(jsons(ssv2_lists("a"))),
    val=spoiled(jsons(ssv2_lists("b"))),
    labels=st.none() | st.none() | st.none() | st.none() | spoiled(jsons(st.just({"A": "0", "B": 1}))),
)
def test_ssv2(here, train, val, labels):
    root = here / "ssv2"
    (root / "videos").mkdir(parents=True, exist_ok=True)
    for name in ("a.webm", "b.webm"):
        (root / "videos" / name).touch()
    (root / "train.json").write_bytes(train)
    (root / "validation.json").write_bytes(val)
    (root / "labels.json").unlink(missing_ok=True)
    if labels is not None:
        (root / "labels.json").write_bytes(labels)
    outcome("ssv2 json", lambda: read_ssv2(root, missing_ok=True))


@FUZZ
@given(data=spoiled(lines_of(["c.avi", "d.avi", "a b.avi"], ["0", "1"], good="a.avi 1\nb.avi 2\n")))
def test_hmdb51(here, data):
    root = here / "hmdb51"
    if not root.exists():
        (root / "wave").mkdir(parents=True)
        for name in ("a.avi", "b.avi"):
            (root / "wave" / name).touch()
        for name in class_names("hmdb51"):
            (root / f"{name}_test_split1.txt").write_text("")
    (root / "wave_test_split1.txt").write_bytes(data)
    outcome("hmdb51 list", lambda: read_hmdb51(root, missing_ok=True))


NAMES = st.binary(min_size=1, max_size=40).filter(
    lambda b: not set(b) & {0, 47} and os.fsdecode(b).strip() and b[:1] != b"."
)


@FUZZ
@given(names=st.lists(NAMES, min_size=2, max_size=5), label=NAMES)
def test_names_of_files_and_folders(here, names, label):
    """Whatever a file system can hold: what a run writes of its videos is read as the same videos."""
    root = here / "names"
    shutil.rmtree(root, ignore_errors=True)
    for part in (b"train", b"test"):
        folder = os.path.join(os.fsencode(root), part, label)
        os.makedirs(folder)
        for name in names:
            with open(os.path.join(folder, name + b".mp4"), "wb"):
                pass

    parts = read_folder(root)
    run = RunFolder(here / "run")
    run.write_splits(parts, root)
    again = read_csv(here / "run" / "splits.csv", root=root)
    for name, part in parts.items():
        assert (again[name].records, again[name].class_names) == (part.records, part.class_names)
    run.check_splits(parts, root)
    COUNTS["names", "read"] += 1
