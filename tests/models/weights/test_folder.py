"""Model folders: what is saved is what is loaded, and everything wrong gets its one line."""

import json
import pickle
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from videomamba import VideoMamba, load_model
from videomamba.errors import UserError
from videomamba.models import create_model
from videomamba.preprocessing import Preprocessing

NAMES = ("open", "close", "wave")


@pytest.fixture
def model():
    torch.manual_seed(0)
    preprocessing = Preprocessing(num_frames=4, stride=3, size=(32, 48), mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.1))
    return create_model(
        "videomamba_tiny", num_frames=4, img_size=(32, 48), embed_dim=16, depth=2, backward_order="spatial",
        class_names=NAMES, preprocessing=preprocessing,
    ).eval()  # fmt: skip


@pytest.fixture
def saved(model, tmp_path):
    model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_round_trip_is_bit_for_bit(model, saved):
    loaded = VideoMamba.from_pretrained(saved)
    assert not loaded.training
    assert loaded.config == model.config
    assert loaded.class_names == NAMES
    assert loaded.preprocessing == model.preprocessing
    x = torch.randn(1, 3, 4, 32, 48)
    assert torch.equal(loaded(x), model(x))
    for (name, a), b in zip(model.state_dict().items(), loaded.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_folder_holds_config_and_weights_and_no_left_overs(saved):
    files = {"config.json", "model.safetensors", "video_preprocessor_config.json", "README.md"}
    assert {f.name for f in saved.iterdir()} == files
    config = json.loads((saved / "config.json").read_text())
    assert config["class_names"] == list(NAMES)
    assert config["preprocessing"]["stride"] == 3


def test_config_follows_a_resized_model_with_a_new_head(model, tmp_path):
    model.set_input_size(8, 64)
    model.reset_classifier(2)
    model.save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.config.num_frames == 8
    assert loaded(torch.randn(1, 3, 8, 64, 64)).shape == (1, 2)


def test_run_folder_means_its_best(model, tmp_path):
    model.save_pretrained(tmp_path / "run" / "best")
    assert load_model(tmp_path / "run").config == model.config


def test_failed_write_leaves_the_old_model(model, saved, monkeypatch):
    before = (saved / "model.safetensors").read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with torch.no_grad():
        model.cls_token.add_(1)
    with pytest.raises(OSError, match="No space left"):
        model.save_pretrained(saved)
    assert (saved / "model.safetensors").read_bytes() == before
    assert not [f for f in saved.iterdir() if f.name.startswith(".")]


def test_checkpoint_of_another_shape(saved):
    weights = load_file(saved / "model.safetensors")
    weights["norm.weight"] = torch.ones(24)
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(ValueError, match=r"norm.weight has shape \(24,\), but config.json .* with \(16,\)"):
        load_model(saved)


def test_missing_and_unknown_tensors_are_named(saved):
    weights = load_file(saved / "model.safetensors")
    kept = weights.pop("cls_token")
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(ValueError, match="lacks tensor cls_token"):
        load_model(saved)
    save_file(weights | {"cls_token": kept, "class_token": kept.clone()}, saved / "model.safetensors")
    with pytest.raises(ValueError, match="has the unknown tensor class_token"):
        load_model(saved)


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_a_pickle_bomb_does_not_go_off(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bomb = pickle.dumps({"model": Bomb()})
    (tmp_path / "bomb.pth").write_bytes(bomb)
    with pytest.raises(ValueError, match=r"bomb.pth is no PyTorch checkpoint of tensors: reading it would run code"):
        load_model(tmp_path / "bomb.pth")
    (saved / "model.safetensors").write_bytes(bomb)
    with pytest.raises(ValueError, match="is not a readable safetensors file"):
        load_model(saved)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "does not describe a videomamba model"),
        ("{}", "does not describe a videomamba model: 'model' is missing"),
        ('{"model": {"widht": 3}, "class_names": null, "preprocessing": {}}', "unknown VideoMambaConfig field widht"),
        ('{"model": {"depth": -1}, "class_names": null, "preprocessing": {}}', "depth=-1; it must be a whole number"),
    ],
)
def test_broken_config_files(saved, text, message):
    (saved / "config.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_model(saved)


def test_nothing_there(saved, tmp_path):
    with pytest.raises(ValueError, match=re.escape(f"there is no checkpoint {tmp_path / 'nowhere'}")):
        load_model(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no checkpoint: expected model\.safetensors"):
        load_model(tmp_path / "empty")
    (saved / "config.json").unlink()
    with pytest.raises(ValueError, match=r"has model.safetensors but no config.json"):
        load_model(saved)


def test_hub_id_that_is_not_in_the_cache(tmp_path):
    with pytest.raises(ValueError, match="there is no folder owner/name, and the Hub could not be asked"):
        VideoMamba.from_pretrained("owner/name", cache_dir=tmp_path, local_files_only=True)


def test_hub_id_from_the_local_cache(model, saved, tmp_path):
    """The layout that huggingface_hub keeps on disk, read with the network off."""
    snapshot = tmp_path / "hub" / "models--owner--name" / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    refs = tmp_path / "hub" / "models--owner--name" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc123")
    for file in ("config.json", "model.safetensors"):
        (snapshot / file).write_bytes((saved / file).read_bytes())
    loaded = VideoMamba.from_pretrained("owner/name", cache_dir=tmp_path / "hub", local_files_only=True)
    assert loaded.config == model.config


WRONG = [0, 1.5, True, "x", [1], {"a": 1}, None, [], float("nan"), 10**30, -1]
FINE = {  # values that happen to be right, of each key
    "class_names": ["None"],
    "source": ["'x'", "None"],
    "license": ["'x'", "None"],
    "model.img_size": [],
    "model.patch_stride": ["None"],
    "model.drop_path_rate": ["0"],
    "model.final_norm": ["True"],
    "preprocessing.stride": ["None", str(10**30)],
    "preprocessing.num_frames": [str(10**30)],
}


def test_every_wrong_type_in_the_config_is_one_line(saved):
    """Each key, of each object, with each of some values: refused in one line, or right."""
    file = saved / "config.json"
    whole = json.loads(file.read_text())
    for name in ("model_type", "architectures"):  # which transformers alone reads
        del whole[name]
    for key in [*whole, *(f"{part}.{name}" for part in ("model", "preprocessing") for name in whole[part])]:
        for wrong in WRONG:
            values = json.loads(json.dumps(whole))
            *parts, last = key.split(".")
            inner = values[parts[0]] if parts else values
            inner[last] = wrong
            file.write_text(json.dumps(values))
            if repr(wrong) in FINE.get(key, []):
                load_model(saved)
                continue
            with pytest.raises(UserError) as caught:
                load_model(saved)
            assert "\n" not in str(caught.value), (key, wrong)
            assert str(saved) in str(caught.value), (key, wrong)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(saved, value):
    weights = load_file(saved / "model.safetensors")
    weights["blocks.1.norm.weight"][3] = value
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(UserError, match=r"blocks\.1\.norm\.weight holds NaN or infinity; this checkpoint is broken"):
        load_model(saved)


@pytest.mark.parametrize("value", [3e38, -1e10])
def test_weights_that_must_overflow_are_refused(saved, value):
    weights = load_file(saved / "model.safetensors")
    weights["norm.weight"][2] = value
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(UserError, match=rf"norm\.weight holds {abs(value):.1e}".replace("+", r"\+")):
        load_model(saved)


def test_whole_numbers_for_weights_are_refused(saved):
    weights = load_file(saved / "model.safetensors")
    weights["norm.weight"] = torch.ones(16, dtype=torch.int32)
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(UserError, match=r"norm\.weight has dtype torch\.int32, but the model's is torch\.float32"):
        load_model(saved)


def test_a_number_of_layers_that_would_take_for_ever(saved):
    file = saved / "config.json"
    file.write_text(file.read_text().replace('"depth": 2', '"depth": 1000000000'))
    with pytest.raises(UserError, match="tensors: too few for depth=1000000000"):
        load_model(saved)
