"""Temporal action segmentation on GTEA, 50Salads and Breakfast, by ASFormer's published settings."""

from pathlib import Path

from videomamba.engine.config import DataConfig, ModelChoice, OptimConfig, RunConfig


def gtea(data: Path | None = None, *, model: str = "asformer_ssm") -> RunConfig:
    """ASFormer with the ST-SSM in its encoder on GTEA (supplement, Table S6).

        videomamba train gtea DIR --splits all
        videomamba train gtea DIR --splits all --model asformer
        videomamba train gtea DIR --splits all --model mstcn2

    Data: DIR as :mod:`videomamba.data.datasets.mstcn` has it, from MS-TCN's data.zip. Published figures are the mean of
    4 splits on I3D features (docs/segmentation.md); figures measured on other features are in docs/experiments/gtea.md.

    ASFormer's settings: Adam at 5e-4 with L2 of 1e-5, halved when the training loss has not fallen for three epochs,
    120 epochs, one video per step, half of the features' channels blanked, dropout 0.5; the last epoch counts. MS-TCN++
    is trained with the same settings (its own: 100 epochs, no blanking, a fixed rate). The paper does not say where the
    block is placed or how wide it is. Here, as in Video Mamba Suite (arXiv 2403.09626), norm and ST-SSM (expansion 1)
    replace the attention of the encoder's layers; the output is scaled (initially by 1e-4, learnt), dropped with
    probability 0.3 in training, and added to the input.
    """
    return _run("gtea", data, masking=0.5, model=model)


def salads(data: Path | None = None) -> RunConfig:
    """The same on 50Salads: 5 splits, every second frame (`videomamba recipes gtea` says more).

        videomamba train 50salads DIR --splits all --model asformer

    Not run. 0.3 of the channels are blanked.
    """
    return _run("50salads", data, masking=0.3, stride=2)


def breakfast_segmentation(data: Path | None = None) -> RunConfig:
    """The same on Breakfast: 4 splits (`videomamba recipes gtea` says more).

        videomamba train breakfast_segmentation DIR --splits all --model asformer

    Not run. 0.3 of the channels are blanked; the learning rate is 1e-4, as in ASFormer's code.
    """
    return _run("breakfast_segmentation", data, masking=0.3, lr=1e-4)


def _run(
    name: str,
    data: Path | None,
    *,
    masking: float,
    stride: int | None = None,
    lr: float = 5e-4,
    model: str = "asformer_ssm",
) -> RunConfig:
    return RunConfig(
        name=name,
        task="segmentation",
        data=DataConfig(root=data or Path("data") / name.removesuffix("_segmentation"), layout=name, stride=stride),
        model=ModelChoice(name=model, drop_path_rate=None, overrides={"channel_masking_rate": masking}),
        optim=OptimConfig(
            optimizer="adam",
            schedule="plateau",
            epochs=120,
            batch_size=1,
            lr=lr,
            weight_decay=1e-5,
            clip_grad=None,
            label_smoothing=0.0,
        ),
    )
