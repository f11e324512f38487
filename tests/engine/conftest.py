import pytest

from tests.tiny import write_clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Three classes of five clips."""
    return write_clips(tmp_path_factory.mktemp("clips") / "colours")
