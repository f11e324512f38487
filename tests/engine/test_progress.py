"""The bar on a terminal, one line per epoch elsewhere."""

import io

from rich.console import Console

from videomamba.engine.progress import TrainProgress

ROW = {
    "epoch": 1,
    "step": 3,
    "lr": 2.5e-4,
    "train_loss": 1.25,
    "train_top1": 0.5,
    "clips_per_second": 12.34,
    "data_wait": 0.031,
}


def shown(**console):
    text = io.StringIO()
    with TrainProgress(Console(file=text, **console), epochs=2, steps_per_epoch=3, headline="top1") as progress:
        for epoch in (1, 2):
            for _ in range(3):
                progress.step({**ROW, "epoch": epoch})
            progress.testing(1, 1)
            progress.epoch({**ROW, "epoch": epoch, "top1": 0.75})
    return text.getvalue()


def test_a_log_file_gets_one_plain_line_an_epoch():
    text = shown(force_terminal=False, width=40)
    lines = text.splitlines()
    assert len(lines) == 2
    assert "\x1b" not in text
    assert "\r" not in text
    for part in ("2/2", "loss 1.250", "top1 50.0 %", "test 75.0 %", "lr 2.5e-04", "12.3 clips/s", "data wait 3.1 %"):
        assert part in lines[1]


def test_a_terminal_sees_the_bar_move_and_every_figure_in_80_columns():
    text = shown(force_terminal=True, width=80)
    assert "6/6" in text
    assert "epoch 2/2" in text
    whole = "loss 1.250  top1 50.0 % test 75.0 %  lr 2.5e-04  12.3 clips/s  data wait 3.1 %"
    assert len(whole) <= 80
    assert whole in text
    assert "testing 1/1 test 75.0 %" in text
