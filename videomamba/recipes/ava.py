"""Action detection on AVA 2.2, and on data sets in its form."""

from pathlib import Path

from videomamba.data.transforms import Augmentation
from videomamba.engine.config import DataConfig, ModelConfig, OptimConfig, RunConfig


def ava(data: Path | None = None) -> RunConfig:
    """Action detection on AVA 2.2 (supplement, S8, Table S5), or on your own videos annotated in AVA's form.

        videomamba train ava --data DIR --start K400_CHECKPOINT \\
            --data-option train_detections=train_boxes.csv test_detections=val_boxes.csv
        videomamba train ava --data my_videos --model videomamba_nano --data-option keyframes=even:22

    Data: DIR as :mod:`videomamba.data.datasets.ava` has it; a detector's boxes as csv or json.
    Published: 16 frames, 224 x 224, 80 outputs, mAP 22.1 at 34 GFLOPs; not run by us, for neither AVA nor a K400
    checkpoint was to be had. Time: not measured; 184k training keyframes an epoch.

    The paper names the frames, the head's output and the figure. Ours, after VideoMAE's AVA run (arXiv 2203.12602): 30
    epochs, 5 of them warm-up, AdamW at 2.5e-4 for batches of 128, layer decay 0.75, drop path 0.2, no label smoothing;
    after SlowFast's (arXiv 1812.03982): every 4th frame of a window around the keyframe, dropout 0.5, detected boxes
    with a score of at least 0.8 beside the annotated ones in training, tests on the whole picture with 224 pixels on
    its short side. The training crop, 30 % to all of the picture's area, stands for SlowFast's jitter of 256 to 320
    pixels.
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
        model=ModelConfig(name="videomamba_small_detector", drop_path_rate=0.2),
        optim=OptimConfig(
            epochs=30, batch_size=128, lr=2.5e-4, warmup_epochs=5.0, layer_decay=0.75, label_smoothing=0.0
        ),
    )
