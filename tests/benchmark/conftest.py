import pytest

from tests.data.videos import numbered_frames, write


@pytest.fixture
def videos(tmp_path):
    """A folder of four videos."""
    (tmp_path / "videos").mkdir(exist_ok=True)
    for i in range(4):
        write(tmp_path / "videos" / f"{i}.mp4", numbered_frames(20 + i))
    return tmp_path / "videos"
