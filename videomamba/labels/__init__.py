"""Class names of the published data sets, in the order of their indices."""

from importlib.resources import files

from videomamba.errors import UserError

_FILES = ("ssv2", "hmdb51", "jhmdb", "breakfast")
DATASETS = ("imagenet1k", "k400", *_FILES)


def class_names(dataset: str) -> tuple[str, ...]:
    """Names in the order of the outputs of models trained on the data set.

    ``imagenet1k`` and ``k400`` are torchvision's lists, ``ssv2`` the order of the data set's own labels file; the names
    of ``hmdb51``, ``jhmdb`` and ``breakfast`` are sorted.

    Raises:
        UserError: unknown data set.
    """
    if dataset == "imagenet1k":
        from torchvision.models import ResNet50_Weights

        return tuple(ResNet50_Weights.IMAGENET1K_V2.meta["categories"])
    if dataset == "k400":
        from torchvision.models.video import Swin3D_T_Weights

        return tuple(Swin3D_T_Weights.KINETICS400_V1.meta["categories"])
    if dataset not in _FILES:
        raise UserError(f"no class names for {dataset!r}; there are those of {', '.join(DATASETS)}")
    return tuple(_lines(f"{dataset}.txt"))


def ava_class_names() -> dict[int, str]:
    """The 60 classes of AVA 2.2 that are evaluated, by their ids between 1 and 80."""
    pairs = (line.split(": ", 1) for line in _lines("ava60.txt"))
    return {int(number): name for number, name in pairs}


def _lines(file: str) -> list[str]:
    return files(__package__).joinpath(file).read_text(encoding="utf-8").splitlines()
