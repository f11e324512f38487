"""How the Triton kernels' work is divided among programs."""

import pytest

from videomamba.ops.scan.triton_launch import CHUNK, Config, divided

H100 = 132
SMALL = {"groups": 1, "per_group": 768, "block": 64, "warps": 4, "processors": H100}


def test_spans_fill_the_device_until_batch_and_channels_do():
    """At batch 1 more programs for longer clips, up to those that fill it; at batch 64 the batch fills it."""

    def spans(batch: int, length: int) -> int:
        return divided(batch, length, **SMALL, shared=False).spans

    assert [spans(1, length) for length in (16, 160, 320, 1569, 100_000)] == [1, 5, 10, 25, 49]
    assert spans(64, 1569) == 1


@pytest.mark.parametrize("batch", [1, 8, 64, 512])
def test_shares_are_few_where_programs_are_many(batch):
    """A program of the gradients takes blocks in turn as long as the device stays full."""
    found = divided(batch, 1569, **SMALL, shared=True)
    assert found.blocks * found.repeat >= 12
    assert found.programs == batch * found.blocks * found.spans
    assert found.repeat == {1: 1, 8: 1, 64: 1, 512: 12}[batch] or found.programs * 4 >= H100 * 12 // 2


def test_a_span_is_whole_chunks_and_all_are_covered():
    for length in (1, CHUNK, CHUNK + 1, 1569, 50_177):
        found = divided(2, length, **SMALL, shared=False)
        chunks = -(-length // CHUNK)
        assert (found.spans - 1) * found.span < chunks <= found.spans * found.span


def test_a_tile_fits_narrow_groups_and_few_states():
    tile = Config(steps=4, channels=64, lanes=4).fitting(per_group=3, states=3)
    assert (tile.T, tile.BD, tile.NA, tile.NB) == (4, 4, 1, 4)
    assert Config(channels=64, lanes=4).fitting(per_group=768, states=17).NA == 8
