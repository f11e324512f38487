"""transformers' Auto classes, pipeline, Trainer and PEFT over the model and its folders."""

import importlib
import json
import sys

import pytest
import torch

import videomamba
from tests.tiny import COLOURS, MODEL, write_clips
from videomamba.models import create_model, load_model

transformers = pytest.importorskip("transformers", minversion="5")

from transformers import (  # noqa: E402
    AutoConfig,
    AutoModelForVideoClassification,
    AutoVideoProcessor,
    Trainer,
    TrainingArguments,
    pipeline,
)

import videomamba.transformers as ours  # noqa: E402

NAMES = tuple(COLOURS)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips") / "colours", per_class=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    model = create_model("videomamba_nano", class_names=NAMES, **MODEL)
    model.source, model.license = "somewhere", "mit"
    path = tmp_path_factory.mktemp("models") / "model"
    model.save_pretrained(path)
    return path


@pytest.fixture
def classifier(folder):
    return AutoModelForVideoClassification.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def processor(folder):
    return AutoVideoProcessor.from_pretrained(folder)


def same_files(a, b):
    names = {file.name for file in a.iterdir()}
    return names == {file.name for file in b.iterdir()} and all(
        (a / name).read_bytes() == (b / name).read_bytes() for name in names
    )


def test_the_folders_are_the_same(folder, classifier, tmp_path):
    classifier.save_pretrained(tmp_path / "model")
    assert same_files(folder, tmp_path / "model")
    load_model(tmp_path / "model").save_pretrained(tmp_path / "again" / "model")
    assert same_files(folder, tmp_path / "again" / "model")
    assert classifier.config.id2label == dict(enumerate(NAMES))
    assert classifier.config.num_frames == 4
    assert (classifier.config.hidden_size, classifier.config.num_hidden_layers) == (32, 2)
    again = AutoConfig.from_pretrained(folder)
    assert json.loads(again.to_json_string())["model"] == json.loads((folder / "config.json").read_text())["model"]


def test_the_pipeline_says_what_predict_says(folder, clips):
    file = str(clips / "green" / "green_1.mp4")
    said = pipeline("video-classification", model=str(folder))(file)
    (result,) = videomamba.predict(folder, file)
    assert [answer["label"] for answer in said] == [score.label for score in result.top_k]
    assert [answer["score"] for answer in said] == pytest.approx(
        [score.probability for score in result.top_k], abs=1e-6
    )


def test_the_processor_takes_files_and_frames(processor, clips):
    path = clips / "red" / "red_0.mp4"
    want = videomamba.load_clip(path, processor.preprocessing).video.transpose(0, 1)
    frames = torch.stack([*torch.arange(8, dtype=torch.uint8)])[:, None, None, None].expand(8, 3, 32, 32)
    for video, count in ((path, 1), (str(path), 1), ([path, str(path)], 2)):
        batch = processor(video, return_tensors="pt")["pixel_values_videos"]
        assert batch.shape == (count, 4, 3, 32, 32)
        assert all(torch.equal(clip, want) for clip in batch)
    sampled = processor(frames, return_tensors="pt")["pixel_values_videos"][0]
    taken = processor(frames[[1, 3, 5, 7]], return_tensors="pt")["pixel_values_videos"][0]
    assert torch.equal(sampled, taken), "as many frames as a clip has are taken as they are"
    last = processor([frames.permute(0, 2, 3, 1).numpy()], return_tensors="pt")["pixel_values_videos"][0]
    assert torch.equal(sampled, last)
    with pytest.raises(ValueError, match=r"a tensor of torch.float64 and shape"):
        processor(torch.zeros(9, 2, 32, 32).double().numpy())


def test_a_processor_by_itself(processor, tmp_path):
    processor.save_pretrained(tmp_path)
    again = ours.VideoMambaVideoProcessor.from_pretrained(tmp_path)
    assert again.preprocessing == processor.preprocessing


def test_hidden_states_loss_and_tuples(classifier):
    video, labels = torch.randn(2, 4, 3, 32, 32), torch.tensor([0, 2])
    with torch.no_grad():
        output = classifier(video, labels=labels, output_hidden_states=True)
        tokens = classifier.videomamba.forward_features(video.transpose(1, 2))
    assert len(output.hidden_states) == 3
    torch.testing.assert_close(classifier.videomamba.norm(output.hidden_states[-1]), tokens)
    torch.testing.assert_close(output.logits, classifier.videomamba(video.transpose(1, 2)))
    torch.testing.assert_close(output.loss, torch.nn.functional.cross_entropy(output.logits, labels))
    assert classifier(video, labels=labels, return_dict=False)[0] == output.loss
    with pytest.raises(ValueError, match=r"video has shape \(2, 3, 8, 32, 32\); this model takes"):
        classifier(torch.randn(2, 8, 3, 32, 32))


def test_gradient_checkpointing_gives_the_same_gradients(classifier):
    video, labels = torch.randn(1, 4, 3, 32, 32), torch.tensor([1])
    classifier.train()
    grads = []
    for enable in (False, True):
        classifier.zero_grad()
        if enable:
            classifier.gradient_checkpointing_enable()
            assert classifier.videomamba.grad_checkpointing
        classifier(video, labels=labels).loss.backward()
        grads.append({name: p.grad.clone() for name, p in classifier.named_parameters()})
    classifier.gradient_checkpointing_disable()
    assert not classifier.videomamba.grad_checkpointing
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad, msg=name)


def test_a_head_for_other_classes(folder, tmp_path):
    names = {0: "a", 1: "b"}
    model = AutoModelForVideoClassification.from_pretrained(
        folder, id2label=names, label2id={"a": 0, "b": 1}, ignore_mismatched_sizes=True
    )
    assert 0.01 < model.videomamba.head.weight.std() < 0.03
    assert model.videomamba.head.bias.abs().max() == 0
    model.save_pretrained(tmp_path / "two")
    assert load_model(tmp_path / "two").class_names == ("a", "b")
    five = AutoModelForVideoClassification.from_pretrained(folder, num_labels=5, ignore_mismatched_sizes=True)
    five.save_pretrained(tmp_path / "five")
    assert (load_model(tmp_path / "five").num_classes, load_model(tmp_path / "five").class_names) == (5, None)


def test_a_model_from_a_configuration():
    config = ours.VideoMambaConfig(model={**MODEL, "num_classes": 7})
    model = AutoModelForVideoClassification.from_config(config)
    assert model(torch.zeros(1, 4, 3, 32, 32)).logits.shape == (1, 7)
    assert config.class_names is None
    with pytest.raises(
        ValueError, match="architecture='Detector'; transformers' classes are there for VideoMamba only"
    ):
        ours.VideoMambaConfig(architecture="Detector")
    with pytest.raises(ValueError, match="unknown VideoMambaConfig field depths"):
        ours.VideoMambaConfig(model={"depths": 3})


class Clips(torch.utils.data.Dataset):
    def __init__(self, processor, files):
        self.videos = processor(files, return_tensors="pt")["pixel_values_videos"]
        self.labels = [NAMES.index(file.parent.name) for file in files]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {"pixel_values_videos": self.videos[index], "labels": self.labels[index]}


def test_trainer_overfits_ten_clips_and_resumes(folder, processor, clips, tmp_path):
    transformers.set_seed(0)
    data = Clips(processor, sorted(clips.rglob("*.mp4"))[:10])
    settings = {"learning_rate": 5e-3, "per_device_train_batch_size": 5, "lr_scheduler_type": "constant"}
    quiet = {"report_to": [], "use_cpu": True, "disable_tqdm": True, "logging_steps": 100}

    def trainer(epochs):
        arguments = TrainingArguments(tmp_path / "out", num_train_epochs=epochs, save_steps=10, **settings, **quiet)
        model = AutoModelForVideoClassification.from_pretrained(folder)
        return Trainer(model, arguments, train_dataset=data, processing_class=processor)

    first = trainer(15)
    first.train()
    first.model.eval()
    with torch.no_grad():
        output = first.model(data.videos, labels=torch.tensor(data.labels))
    assert output.loss < 0.1
    assert output.logits.argmax(1).tolist() == data.labels
    saved = tmp_path / "out" / "checkpoint-30"
    assert torch.equal(load_model(saved).cls_token, first.model.videomamba.cls_token)
    loaded = AutoModelForVideoClassification.from_pretrained(saved).eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(data.videos).logits, output.logits)
    again = trainer(15)
    again.train(resume_from_checkpoint=str(saved))  # over already: its weights are the checkpoint's
    assert torch.equal(again.model.videomamba.cls_token, first.model.videomamba.cls_token)


def test_lora_reaches_every_projection(classifier, tmp_path):
    peft = pytest.importorskip("peft")
    targets = ["in_proj", "x_proj", "dt_proj", "out_proj"]
    wrapped = peft.get_peft_model(
        classifier, peft.LoraConfig(r=2, target_modules=targets, modules_to_save=["head"], init_lora_weights=False)
    )
    wrapped.train()
    wrapped(pixel_values_videos=torch.randn(2, 4, 3, 32, 32), labels=torch.tensor([0, 1])).loss.backward()
    adapters = {name: p for name, p in wrapped.named_parameters() if "lora_" in name}
    # 2 blocks x (in_proj, out_proj, 2 x (x_proj, dt_proj)), A and B of each
    assert len(adapters) == 2 * 6 * 2
    for name, parameter in adapters.items():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    wrapped.save_pretrained(tmp_path)
    base = AutoModelForVideoClassification.from_pretrained(classifier.name_or_path)
    loaded = peft.PeftModel.from_pretrained(base, tmp_path).eval()
    video = torch.randn(1, 4, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded(pixel_values_videos=video).logits, wrapped.eval()(video).logits)


def test_no_video(processor):
    for nothing in ([], [[]]):
        with pytest.raises(ValueError, match="no video given; name a file"):
            processor(nothing)


def test_the_hub_gets_this_packages_folder(classifier, monkeypatch):
    asked = []
    monkeypatch.setattr(
        videomamba.VideoMamba, "push_to_hub", lambda self, repo, **kw: asked.append((repo, kw)) or "url"
    )
    assert classifier.push_to_hub("owner/name", private=True) == "url"
    assert asked == [("owner/name", {"private": True})]


def test_without_transformers_one_line_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "videomamba.transformers")
    with pytest.raises(ValueError, match=r'needs transformers 5 or newer .*: pip install "videomamba\[transformers\]"'):
        importlib.import_module("videomamba.transformers")
