"""The callable class: rows of batches, for lists of paths, columns by name, and decoded columns."""

import numpy as np
import pyarrow as pa
import pytest
import torch

import videomamba
from tests.tiny import MODEL, write_clips
from videomamba.errors import UserError
from videomamba.inference.batch import Predictor, decode_batch, model_hash
from videomamba.models import create_model

NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips") / "colours", per_class=3)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    model = create_model("videomamba_nano", class_names=NAMES, **MODEL)
    torch.nn.init.normal_(model.head.weight)  # answers that differ
    model.save_pretrained(folder := tmp_path_factory.mktemp("model") / "tiny")
    return str(folder)


@pytest.fixture(scope="module")
def paths(clips):
    (clips / "broken.mp4").write_text("no video")
    return [str(path) for path in sorted(clips.rglob("*.mp4"))]


def test_rows_are_those_of_predict(checkpoint, paths):
    rows = Predictor(checkpoint, device="cpu", top_k=2, batch_size=4)(paths)
    assert [row["path"] for row in rows] == paths
    assert len({round(float(row["scores"][0]), 6) for row in rows if row["error"] is None}) > 3, "all rows are alike"
    for row, want in zip(rows, videomamba.predict(checkpoint, paths, 2, device="cpu"), strict=True):
        assert row["error"] == want.error
        assert row["model"] == checkpoint
        assert row["model_hash"] == model_hash(checkpoint)
        if want.error is None:
            assert row["labels"] == [score.label for score in want.top_k]
            assert row["scores"] == pytest.approx([score.probability for score in want.top_k], abs=1e-6)
        else:
            assert row["scores"] is row["labels"] is row["start_s"] is None


def test_one_path_is_no_list_of_letters(checkpoint, paths):
    (row,) = Predictor(checkpoint, device="cpu")(paths[0])
    assert (row["path"], row["error"] is None) == (paths[0], not paths[0].endswith("broken.mp4"))


def test_times_are_of_the_first_and_the_last_frame(checkpoint, paths):
    (row,) = Predictor(checkpoint, device="cpu")(paths[1:2])
    clip = videomamba.load_clip(paths[1], videomamba.load_model(checkpoint).preprocessing)
    assert (row["start_s"], row["end_s"]) == (clip.timestamps[0], clip.timestamps[-1])


@pytest.mark.parametrize("clips_each", [1, 2])
def test_embeddings_are_what_the_head_reads(checkpoint, paths, clips_each):
    predictor = Predictor(checkpoint, device="cpu", what="features", num_clips=clips_each)
    (row,) = predictor(paths[1:2])
    model = videomamba.load_model(checkpoint)
    video = videomamba.load_clip(paths[1], model.preprocessing, num_clips=clips_each).video
    with torch.no_grad():
        views = video if clips_each > 1 else video[None]
        want = model.forward_head(model.forward_features(views), pre_logits=True).mean(0)
    torch.testing.assert_close(torch.tensor(row["embedding"]), want)


@pytest.mark.parametrize("what", ["classes", "features"])
def test_decoding_may_be_a_stage_of_its_own(checkpoint, paths, what):
    predictor = Predictor(checkpoint, device="cpu", what=what, num_clips=2)
    columns = {"path": np.array(paths)}
    decoded = decode_batch(columns, preprocessing=predictor.preprocessing, num_clips=2)
    assert decoded["pixels"].dtype == np.uint8
    at_once, in_two = predictor(columns), predictor(decoded)
    assert isinstance(at_once, pa.Table)
    assert at_once.schema == in_two.schema
    name = "scores" if what == "classes" else "embedding"
    assert pa.types.is_fixed_size_list(at_once.schema.field(name).type)
    assert at_once.drop_columns([name]) == in_two.drop_columns([name])
    for one, other in zip(at_once[name].to_pylist(), in_two[name].to_pylist(), strict=True):
        assert (one is None and other is None) or one == pytest.approx(other, abs=1e-6)


def test_a_column_of_daft_or_arrow(checkpoint, paths):
    predictor = Predictor(checkpoint, device="cpu")
    assert [row["path"] for row in predictor(pa.array(paths))] == paths


def test_the_hash_changes_with_weights_and_names(checkpoint, tmp_path):
    model = videomamba.load_model(checkpoint)
    model.save_pretrained(tmp_path / "same")
    assert model_hash(tmp_path / "same") == model_hash(checkpoint)
    model.class_names = ("a", "b", "c")
    model.save_pretrained(tmp_path / "names")
    torch.nn.init.zeros_(model.head.bias.data.add_(1))
    model.head.bias.data[0] = 7
    model.save_pretrained(tmp_path / "weights")
    assert len({model_hash(tmp_path / name) for name in ("same", "names", "weights")}) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"what": "boxes"}, "what='boxes'; choose one of classes, features"),
        ({"top_k": 0}, "top_k=0"),
        ({"num_clips": 0}, "num_clips=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_what_cannot_be_used_is_refused(checkpoint, options, said):
    with pytest.raises(UserError, match=said):
        Predictor(checkpoint, **options)


def test_an_exported_file_gives_the_same_rows(checkpoint, paths, tmp_path):
    for package in ("onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    file = videomamba.export(checkpoint, tmp_path / "model.onnx").path
    predictor = Predictor(file, top_k=2)
    rows, wanted = predictor(paths[:5]), Predictor(checkpoint, device="cpu", top_k=2)(paths[:5])
    assert any(row["error"] for row in rows)
    for row, want in zip(rows, wanted, strict=True):
        assert (row["path"], row["error"], row["labels"]) == (want["path"], want["error"], want["labels"])
        assert row["error"] or row["scores"] == pytest.approx(want["scores"], abs=1e-5)
        assert row["model"] == str(file)
    assert len(predictor.hash) == 16
    assert predictor.hash == model_hash(file) != model_hash(checkpoint)
    with pytest.raises(UserError, match="gives classes only; for features give the checkpoint"):
        Predictor(file, what="features")
    with pytest.raises(UserError, match=r"there is no file .*gone\.onnx"):
        Predictor(tmp_path / "gone.onnx")


def test_other_models_are_refused(tmp_path):
    create_model("mstcn2", input_dim=6, class_names=("pour", "stir")).save_pretrained(tmp_path / "segmenter")
    with pytest.raises(UserError, match="videomamba segment"):
        Predictor(tmp_path / "segmenter", device="cpu")
    create_model("videomamba_nano", num_classes=0, **MODEL).save_pretrained(tmp_path / "headless")
    with pytest.raises(UserError, match="has no classes"):
        Predictor(tmp_path / "headless", device="cpu")
