"""The ST-SSM in a segmenter."""

import pytest
import torch

from videomamba.nn.temporal import TemporalSSM


@pytest.mark.parametrize("has_source", [False, True])
def test_a_scaled_answer_is_added_to_the_input_and_left_out_at_random(has_source):
    torch.manual_seed(0)
    plain, scaled = (
        TemporalSSM(8, has_source=has_source, layer_scale=scale, drop_path=0.3, expand=1).eval()
        for scale in (None, 0.5)
    )
    scaled.load_state_dict(plain.state_dict(), strict=False)
    x, source = torch.randn(64, 8, 10), torch.randn(64, 8, 10)
    answer = plain(x, source, None)
    torch.testing.assert_close(scaled(x, source, None), x + 0.5 * answer)
    with torch.no_grad():
        trained = scaled.train()(x, source, None)
    kept = (trained - x).abs().amax((1, 2)) > 0
    torch.testing.assert_close(trained[kept], (x + 0.5 * answer / 0.7)[kept])  # the mean stays what it was
    assert 35 < kept.sum() < 55
