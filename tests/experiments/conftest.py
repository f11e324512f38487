import pytest

from tests.tiny import write_clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Three classes of five clips."""
    return write_clips(tmp_path_factory.mktemp("clips") / "colours")


@pytest.fixture(scope="session")
def trained(clips, tmp_path_factory):
    """The result of one run on them, made from Python."""
    from tests.tiny import quiet, tiny_run
    from videomamba.experiments import run

    return run(tiny_run(clips, tmp_path_factory.mktemp("runs") / "run", epochs=1), console=quiet())
