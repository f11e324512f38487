"""Boxes of single frames: those of the category, above the threshold, as fractions of the picture."""

import pytest
import torch

from videomamba.errors import UserError
from videomamba.models import object_detector
from videomamba.models.object_detector import ObjectDetector, weights_file

CPU = torch.device("cpu")


def test_boxes_are_fractions_of_the_category_above_the_threshold():
    """Of 5 boxes, in pixels of 40 x 80: one is of another category, one too unsure, one has no width."""
    boxes = [[0, 0, 40, 20], [-8, 4, 88, 44], [0, 0, 80, 40], [0, 0, 80, 40], [90, 0, 99, 40]]

    def model(pictures):
        (picture,) = pictures
        assert picture.max() == 1
        scores = torch.tensor([0.9, 0.8, 0.95, 0.2, 0.9])
        return [{"boxes": torch.tensor(boxes).float(), "labels": torch.tensor([1, 1, 2, 1, 1]), "scores": scores}]

    detector = object.__new__(ObjectDetector)
    detector.label, detector.threshold, detector.device, detector.model = 1, 0.5, CPU, model
    found = detector(torch.full((3, 40, 80), 255, dtype=torch.uint8))
    assert [box for box, _ in found] == [pytest.approx((0, 0, 0.5, 0.5)), pytest.approx((0, 0.1, 1, 1))]
    assert [score for _, score in found] == pytest.approx([0.9, 0.8])


def test_a_category_that_coco_has_not():
    with pytest.raises(UserError, match="unknown category 'unicorn'; COCO has person, bicycle"):
        ObjectDetector("unicorn", threshold=0.5, device=CPU)


def test_weights_that_cannot_be_had_say_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(**_):
        raise OSError("no network\nat all")

    monkeypatch.setattr(object_detector, "_WEIGHTS", _Offline(offline))
    assert weights_file() == tmp_path / "checkpoints" / "weights.pth"
    with pytest.raises(
        UserError, match=r"checkpoints/weights\.pth and cannot be downloaded \(no network\); give --boxes"
    ):
        ObjectDetector("person", threshold=0.5, device=CPU)


class _Offline:
    """Torchvision's entry of weights, on a machine without network."""

    url = "https://example.org/weights.pth"
    meta = {"categories": ["__background__", "person"]}  # noqa: RUF012

    def __init__(self, get_state_dict):
        self.get_state_dict = get_state_dict
