import pytest

from tests.ava_videos import write_ava
from tests.mstcn_folder import write_mstcn


@pytest.fixture
def root(tmp_path):
    return write_mstcn(tmp_path / "data")


@pytest.fixture(scope="module")
def ava(tmp_path_factory):
    return write_ava(tmp_path_factory.mktemp("ava") / "data", train=3, test=1)
