import pytest

from videomamba.data.decode_torchcodec import torchcodec_status


@pytest.fixture(params=["pyav", "torchcodec"])
def decoder(request) -> str:
    """Each decoder that runs on this machine."""
    works, reason = torchcodec_status()
    if request.param == "torchcodec" and not works:
        pytest.skip(f"torchcodec: {reason}")
    return request.param
