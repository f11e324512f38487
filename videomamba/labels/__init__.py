"""Class names of the published data sets, in the order of their indices."""

from importlib.resources import files

_FILES = ("ssv2",)
DATASETS = ("imagenet1k", "k400", *_FILES)


def class_names(dataset: str) -> tuple[str, ...]:
    """Names in the order of the outputs of models trained on the data set.

    ``imagenet1k`` and ``k400`` are torchvision's lists, ``ssv2`` the order of the data set's own labels file.

    Raises:
        ValueError: unknown data set.
    """
    if dataset == "imagenet1k":
        from torchvision.models import ResNet50_Weights

        return tuple(ResNet50_Weights.IMAGENET1K_V2.meta["categories"])
    if dataset == "k400":
        from torchvision.models.video import Swin3D_T_Weights

        return tuple(Swin3D_T_Weights.KINETICS400_V1.meta["categories"])
    if dataset not in _FILES:
        raise ValueError(f"no class names for {dataset!r}; there are those of {', '.join(DATASETS)}")
    return tuple(files(__package__).joinpath(f"{dataset}.txt").read_text(encoding="utf-8").splitlines())
