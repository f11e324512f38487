import pytest

from tests.colours import colour_model


@pytest.fixture(scope="session")
def colours(tmp_path_factory):
    """The folder of a recogniser of colours."""
    return colour_model(tmp_path_factory.mktemp("models") / "colours")
