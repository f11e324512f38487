"""Action detection on AVA 2.2, and on data sets in its form."""

from pathlib import Path

from videomamba.data.transforms import Augmentation
from videomamba.engine.config import DataConfig, ModelChoice, OptimConfig, RunConfig


def ava(data: Path | None = None) -> RunConfig:
    """Action detection on AVA 2.2 (supplement, S8, Table S5), or on your own videos annotated in AVA's form.

    - ``videomamba train ava DIR --start CHECKPOINT --data-option train_detections=A.csv test_detections=B.csv``
    - ``videomamba train ava DIR --model videomamba_nano --data-option keyframes=even:22``, own videos

    Layout: docs/detection.md; A.csv and B.csv are a person detector's boxes (csv or json), CHECKPOINT a recognition
    model of Kinetics-400, whose backbone is used.
    Not run: neither AVA nor a Kinetics-400 checkpoint was available. Training time: not measured.

    The paper states the frames and the head's 80 outputs. The rest is after VideoMAE-S's AVA run
    (MCG-NJU/VideoMAE-Action-Detection): every 4th frame, AdamW at 2.5e-4 for batches of 128, weight decay 0.05, 30
    epochs, 5 of them warm-up, drop path 0.2, no label smoothing, and 0.775 of layer decay over 24 blocks for its 0.6
    over 12. After SlowFast's (SLOWFAST_32x2_R50_SHORT.yaml): dropout 0.5, detected boxes with a score of at least 0.8
    beside the annotated ones in training, tests on the uncropped picture with a short side of 224 pixels. Crops of 30 %
    to all of the picture's area replace its jitter of 256 to 320 pixels.
    """
    return RunConfig(
        name="ava",
        task="detection",
        data=DataConfig(
            root=data or Path("data/ava"),
            layout="ava",
            num_frames=16,
            stride=4,
            size=224,
            augmentation=Augmentation(flip=True, scale=(0.3, 1.0), ratio=(3 / 4, 4 / 3)),
        ),
        model=ModelChoice(name="videomamba_small_detector", drop_path_rate=0.2),
        optim=OptimConfig(
            epochs=30, batch_size=128, lr=2.5e-4, warmup_epochs=5.0, layer_decay=0.775, label_smoothing=0.0
        ),
    )
