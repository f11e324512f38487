"""What any trained model says of itself, whatever runs it."""

from typing import Any

from torch import nn


class TrainedModel(nn.Module):
    """A network with what inference and evaluation need.

    Attributes:
        task: what it answers: ``recognition``, ``detection`` or ``segmentation``.
        config: the architecture.
        class_names: names of the outputs in order, or None.
        preprocessing: what a clip (Preprocessing) or a sequence of features (FeaturePreprocessing) goes through before
            the model.
    """

    task: str = "recognition"
    config: Any
    class_names: tuple[str, ...] | None
    preprocessing: Any

    @property
    def num_classes(self) -> int:
        count: int = self.config.num_classes
        return count

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each output: the class names, or the outputs' numbers from 0."""
        return self.class_names or tuple(str(i) for i in range(self.num_classes))
