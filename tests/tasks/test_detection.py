"""The detection task: batches with room for all, loss, figures."""

from multiprocessing.reduction import ForkingPickler

import pytest
import torch
import torch.nn.functional as F

from tests.ava_videos import ACTIONS, KEYFRAMES, write_ava
from videomamba.data.datasets.ava import read_ava
from videomamba.data.transforms import Augmentation
from videomamba.models import CustomModel, VideoMamba, VideoMambaConfig, create_model
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.catalogue import make_task, task_model
from videomamba.tasks.detection import Detection

PREPROCESSING = Preprocessing(num_frames=4, stride=1, size=(32, 32))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    root = write_ava(tmp_path_factory.mktemp("ava") / "data", train=2, test=1)
    with (root / "ava_train_v2.2.csv").open("a") as file:  # a second box, with two actions
        file.write("clip0,0001,0.0,0.0,1.0,1.0,1,99\nclip0,0001,0.0,0.0,1.0,1.0,5,99\n")
    return read_ava(root, keyframes=f"even:{KEYFRAMES}")


@pytest.fixture
def task():
    return make_task("detection", list(ACTIONS))


def batch_of(task, part, indices):
    dataset = task.test_dataset(part, PREPROCESSING)
    return task.collate([dataset[i] for i in indices])


def test_batches_have_the_same_room_everywhere(task, parts):
    first, second = batch_of(task, parts["train"], [0, 1]), batch_of(task, parts["train"], [2, 3, 4])
    assert first["boxes"].shape == (2, 2, 4)
    assert second["boxes"].shape == (3, 2, 4), "so that processes can be joined"
    assert first["valid"].tolist() == [[True, True], [True, False]]
    assert first["actions"][0].tolist() == [[1, 0, 0], [1, 0, 1]]
    assert first["true_labels"].tolist() == [[0, 0, 2], [0, -1, -1]]
    assert first["video"].shape == (2, 3, 4, 32, 48)
    assert first["size"].tolist() == [[32, 48]] * 2


def test_workers_that_are_no_forks_get_the_data_set_and_the_collation(task, parts):
    training = task.train_dataset(parts["train"], PREPROCESSING, augmentation=Augmentation(), seed=0)
    for dataset in (training, task.test_dataset(parts["train"], PREPROCESSING)):
        sent, collate = ForkingPickler.loads(ForkingPickler.dumps((dataset, task.collate)))
        ours, theirs = task.collate([dataset[0]]), collate([sent[0]])
        assert torch.equal(ours["video"], theirs["video"])
        assert torch.equal(ours["boxes"], theirs["boxes"])


def test_pictures_of_several_sizes_share_a_batch(task, parts):
    dataset = task.test_dataset(parts["train"], PREPROCESSING)
    one, two = dataset[0], dataset[1]
    two["video"] = two["video"][..., :32]
    batch = task.collate([one, two])
    assert batch["size"].tolist() == [[32, 48], [32, 32]]
    assert batch["video"][1, ..., 32:].eq(0).all()


def test_the_loss_is_over_boxes_that_are_there(task, parts):
    batch = batch_of(task, parts["train"], [0, 1])
    logits = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0))
    there = logits[batch["valid"]], batch["actions"][batch["valid"]]
    assert task.loss(logits, batch) == pytest.approx(F.binary_cross_entropy_with_logits(*there).item(), rel=1e-5)
    smooth = make_task("detection", list(ACTIONS), label_smoothing=0.2)
    assert smooth.loss(logits, batch) == pytest.approx(
        F.binary_cross_entropy_with_logits(there[0], there[1] * 0.8 + 0.1).item(), rel=1e-5
    )
    empty = {**batch, "valid": torch.zeros(2, 2, dtype=torch.bool)}
    assert task.loss(logits, empty) == 0


def test_right_is_where_the_shown_actions_rank_first(task):
    batch = {
        "actions": torch.tensor([[[1.0, 0, 1], [0, 1, 0]], [[0, 0, 1], [1, 1, 1]]]),
        "valid": torch.tensor([[True, True], [True, False]]),
    }
    logits = torch.tensor([[[3.0, 1, 2], [2, 1, 0]], [[3, 2, 1], [0, 0, 0]]])
    assert task.correct(logits, batch).tolist() == pytest.approx([(1 + 1 / 2) / 2, 1 / 3])


def report_of(task, batches, outputs):
    metrics = task.metrics()
    for batch, logits in zip(batches, outputs, strict=True):
        metrics.update(task.scores(logits.unsqueeze(1)), batch)
    return metrics.report()


def test_figures_of_perfect_and_of_wrong_answers(task, parts):
    batches = [batch_of(task, parts["train"], [0, 1, 2]), batch_of(task, parts["train"], [3, 4, 5, 6, 7])]
    right = [batch["actions"] * 8 - 4 for batch in batches]
    report = report_of(task, batches, right)
    assert report["mAP"] == 1
    assert report["count"] == 8
    assert report["AP"] == {"glow red": 1, "glow green": 1, "glow blue": 1}
    assert report_of(task, batches, [-logits for logits in right])["mAP"] < 0.5


def test_a_keyframe_that_comes_twice_counts_once(task, parts):
    batch = batch_of(task, parts["train"], [0, 1])
    again = report_of(task, [batch, batch], [batch["actions"]] * 2)
    assert again["count"] == 2
    assert again["AP"] == report_of(task, [batch], [batch["actions"]])["AP"]


def test_classes_that_do_not_count_are_left_out(task, parts):
    batch = batch_of(task, parts["train"], [0, 1])
    batch["evaluated"] = torch.tensor([[True, False, False]]).expand(2, -1)
    assert report_of(task, [batch], [batch["actions"]])["AP"] == {"glow red": 1}


def test_training_samples_depend_on_seed_and_epoch_alone(task, parts):
    def sample(epoch):
        dataset = task.train_dataset(parts["train"], PREPROCESSING, augmentation=Augmentation(), seed=3)
        dataset.set_epoch(epoch)
        torch.rand(5)
        return dataset[1]

    first, again, later = sample(1), sample(1), sample(2)
    assert torch.equal(first["video"], again["video"])
    assert torch.equal(first["boxes"], again["boxes"])
    assert not torch.equal(first["video"], later["video"])
    assert first["video"].shape == (3, 4, 32, 32)


def test_predictions_are_box_by_box(task):
    scores = torch.tensor([[[0.1, 0.9, 0.2], [0.6, 0.1, 0.3]]])
    (rows,) = task.predictions(scores, 2)
    assert [(r["box"], r["label"]) for r in rows] == [
        (0, "glow green"),
        (0, "glow blue"),
        (1, "glow red"),
        (1, "glow blue"),
    ]
    with pytest.raises(ValueError, match="top_k=0"):
        task.predictions(scores, 0)


def test_models_of_other_tasks_are_refused(task):
    recogniser = VideoMamba(VideoMambaConfig(embed_dim=16, depth=1, img_size=32, num_frames=2))
    with pytest.raises(ValueError, match="not VideoMamba: name a model such as"):
        task.check_model(recogniser)
    own = CustomModel(torch.nn.Identity(), class_names=["a", "b"], preprocessing=PREPROCESSING)
    with pytest.raises(ValueError, match="not CustomModel"):
        task.check_model(own)
    detector = create_model("videomamba_nano_detector", num_classes=2)
    task.check_model(detector)
    with pytest.raises(ValueError, match="is a detector"):
        make_task("recognition", ["a", "b"]).check_model(detector)
    assert task_model("detection", "videomamba_nano") == "videomamba_nano_detector"
    assert task_model("recognition", "videomamba_nano") == "videomamba_nano"


def test_one_view_and_distinct_names(task, parts):
    with pytest.raises(ValueError, match="one view"):
        task.test_dataset(parts["test"], PREPROCESSING, num_crops=3)
    with pytest.raises(ValueError, match="occurs twice"):
        Detection(["a", "a"])
