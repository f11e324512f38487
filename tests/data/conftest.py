import pytest

from tests.data.videos import numbered_frames, write
from videomamba.data import (
    VideoRecord,
)
from videomamba.data.decode_torchcodec import torchcodec_status


@pytest.fixture(params=["pyav", "torchcodec"])
def decoder(request) -> str:
    """Each decoder that runs on this machine."""
    works, reason = torchcodec_status()
    if request.param == "torchcodec" and not works:
        pytest.skip(f"torchcodec: {reason}")
    return request.param


@pytest.fixture
def records(tmp_path):
    paths = [write(tmp_path / f"{i}.mp4", numbered_frames(20 + i)) for i in range(5)]
    return [VideoRecord(path, i % 2) for i, path in enumerate(paths)]
