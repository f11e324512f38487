"""Boxes of people, or other things, in single frames: torchvision's Faster R-CNN, trained on COCO."""

import contextlib
import sys
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_V2_Weights, fasterrcnn_resnet50_fpn_v2

from videomamba.errors import UserError

_WEIGHTS = FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1


class ObjectDetector:
    """Faster R-CNN (ResNet-50, FPN, version 2) with torchvision's weights, downloaded once.

    Args:
        category: what to find, one of COCO's: ``person``, ``bird``, ``dog`` and so on.
        threshold: least score of a box.
        device: where to compute.
        instead: the option that gives boxes without a detector, for the message where there are no weights.

    Raises:
        UserError: unknown category, or weights that are neither here nor can be had; the line says where they belong.
    """

    def __init__(
        self, category: str, *, threshold: float, device: torch.device, instead: str = "--boxes BOXES.csv"
    ) -> None:
        known = _WEIGHTS.meta["categories"]
        if category not in known:
            raise UserError(f"unknown category {category!r}; COCO has {', '.join(n for n in known[1:] if n != 'N/A')}")
        self.label, self.threshold, self.device = known.index(category), threshold, device
        file = weights_file()
        try:
            with contextlib.redirect_stdout(sys.stderr):  # torch.hub says there what it downloads
                weights = _WEIGHTS.get_state_dict(progress=False, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"no boxes given and no detector to find them: torchvision's Faster R-CNN is not in {file} and cannot "
                f"be downloaded ({str(error).splitlines()[0]}); give {instead}, or put {_WEIGHTS.url} there"
            ) from error
        self.model = fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
        self.model.load_state_dict(weights)
        self.model.to(device).eval()

    @torch.inference_mode()
    def __call__(self, frame: Tensor) -> list[tuple[tuple[float, float, float, float], float]]:
        """Boxes as fractions of the picture with scores, of a frame (3, H, W) uint8, best first."""
        found = self.model([frame.to(self.device).float() / 255])[0]
        height, width = frame.shape[1:]
        keep = (found["labels"] == self.label) & (found["scores"] >= self.threshold)
        boxes = (found["boxes"][keep] / found["boxes"].new_tensor([width, height] * 2)).clamp(0, 1)
        return [
            ((x1, y1, x2, y2), score)
            for (x1, y1, x2, y2), score in zip(boxes.tolist(), found["scores"][keep].tolist(), strict=True)
            if x2 > x1 and y2 > y1
        ]


def weights_file() -> Path:
    """Where torchvision keeps the weights on this machine."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(_WEIGHTS.url).name
