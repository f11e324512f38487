"""Labels of all frames of an evaluation, gathered batch by batch."""

from collections.abc import Mapping

from torch import Tensor
from torchmetrics import Metric


class FrameLabelsMetric(Metric):
    """True and predicted labels of each video; one that comes twice counts once.

    What it is given is already that of all processes (see :func:`videomamba.engine.evaluate`), so it joins nothing.
    """

    full_state_update = False

    def __init__(self) -> None:
        super().__init__(sync_on_compute=False)
        self.videos: dict[int, tuple[list[int], list[int]]] = {}

    def update(self, predicted: Tensor, batch: Mapping[str, Tensor]) -> None:
        """Counts (B, T) predictions, each repeated ``stride`` times, with ``truth`` (B, T'), -1 for padding."""
        rows = zip(predicted, batch["truth"], batch["stride"].tolist(), batch["index"].tolist(), strict=True)
        for found, truth, stride, index in rows:
            true = truth[truth >= 0].tolist()
            repeated = found.repeat_interleave(stride).tolist()[: len(true)]
            assert len(repeated) == len(true)
            self.videos[index] = true, repeated

    def compute(self) -> dict[int, tuple[list[int], list[int]]]:
        """Index of a video -> true and predicted labels of its frames."""
        return self.videos
