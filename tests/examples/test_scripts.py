"""The example scripts do what their first lines say."""

import re
import sys

import numpy as np
import torch

from examples import custom_module, where_delta_looks
from tests.tiny import write_clips
from videomamba.data.synthetic import write_video
from videomamba.models import VideoMamba, create_model


def test_where_delta_looks_sees_a_step_size_that_follows_what_moves(tmp_path, monkeypatch, capsys):
    """Layer 0 is made to step far where there is a square, layer 1 where there is none."""
    create_model("videomamba_tiny", depth=2, num_frames=4, img_size=32, patch_size=8).save_pretrained(
        tmp_path / "model"
    )
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 100, (48, 48, 3), dtype=np.uint8)
    paths = []
    for number in range(2):
        video = np.repeat(scene[None], 12, 0)
        for i, frame in enumerate(video):
            frame[20 + number : 30 + number, 3 * i : 3 * i + 10] = 255
        paths.append(tmp_path / f"{number}.mp4")
        write_video(paths[-1], video, fps=8)

    def follow(model, clip):
        bright = torch.nn.functional.avg_pool3d(clip.mean(1), (2, 8, 8))
        assert bright.shape == (1, 2, 4, 4)
        return torch.stack([bright, -bright], 1)[:, :, None].repeat(1, 1, 2, 1, 1, 1)

    monkeypatch.setattr(VideoMamba, "delta_maps", follow)
    monkeypatch.setattr(sys, "argv", ["where_delta_looks.py", str(tmp_path / "model"), *map(str, paths)])
    where_delta_looks.main()
    rows = re.findall(r"\| (\d) \| ([+-]\d\.\d\d) \((\d+) %\)", capsys.readouterr().out)
    assert [layer for layer, _, _ in rows] == ["0", "1"]
    assert float(rows[0][1]) > 0.3
    assert float(rows[1][1]) < -0.3
    assert [share for _, _, share in rows] == ["100", "0"]


def test_a_module_of_ones_own_learns_and_is_read_again(tmp_path, monkeypatch, capsys):
    write_clips(tmp_path / "clips")
    monkeypatch.setattr(sys, "argv", ["custom_module.py", str(tmp_path / "clips"), str(tmp_path / "run")])
    custom_module.main()
    first, second = capsys.readouterr().out.splitlines()
    assert float(re.findall(r"top-1 of the last epoch: (\d+\.\d) %", first)[0]) > 60  # a third by guessing
    assert second == f"{tmp_path / 'run' / 'last'} holds SmallC3D, with classes blue, green, red"
