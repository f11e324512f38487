import pytest

from videomamba.ops.native import library


@pytest.fixture(params=library.variants() or ["none"])
def variant(request, monkeypatch) -> str:
    """Each instruction set that this machine runs, in turn the one whose kernels compute."""
    if request.param == "none":
        pytest.skip("the compiled kernels are not installed: no C++ compiler was found")
    kernels = library.load(request.param)
    monkeypatch.setattr(library, "_best", lambda: (kernels, request.param))
    return request.param
