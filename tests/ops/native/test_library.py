"""The compiled kernels as a library: which are loaded, what they are given, and what they take of the system."""

import sys

import pytest
import torch

from videomamba import create_model
from videomamba.errors import UserError
from videomamba.memory import keep_freed_memory
from videomamba.notes import UserNote
from videomamba.ops import causal_conv
from videomamba.ops.native import library


@pytest.mark.skipif(not library.variants(), reason="the compiled kernels are not installed")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_a_warm_model_takes_no_fresh_pages():
    """A layer is handed the memory that the layer before has freed; taken from the system it would be zeroed first."""
    import resource

    keep_freed_memory()  # as the command line does
    model = create_model("videomamba_tiny", depth=6).eval()
    video = torch.zeros(1, 3, 16, 224, 224)
    taken = []
    with torch.inference_mode():
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            model(video)
            taken.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    one_layer = 1569 * 384 * 4 * 8 // 4096  # pages of its largest tensors
    assert min(taken[2:]) < one_layer // 4, taken


def test_a_tensor_is_described_by_its_strides_in_elements():
    x = torch.zeros(2, 5, 3, 8)[:, ::2]
    described = library.CTensor.of(x)
    assert (described.batch_stride, described.token_stride, described.group_stride) == (5 * 24, 2 * 24, 8)
    assert described.data == x.data_ptr()
    assert library.CTensor.of(None).data is None
    assert library.CTensor.of(x[..., 0, :]).group_stride == 0


def test_an_order_that_visits_a_token_twice_is_a_users_error(variant):
    x, weight = torch.zeros(1, 3, 2), torch.zeros(2, 4)
    with pytest.raises(UserError, match="order is not a permutation of 0"):
        causal_conv(x, weight, order=torch.tensor([0, 1, 1]), backend="native")


def test_a_library_of_another_version_is_said_and_passed_over(tmp_path, monkeypatch):
    """Built before the last change of the sources, or damaged."""
    monkeypatch.setattr(library, "_path", lambda variant: tmp_path / f"kernels_{variant}.so")
    library.load.cache_clear()
    library._best.cache_clear()
    try:
        assert not library.available()[0]  # none there: an installation without a compiler
        (tmp_path / "kernels_portable.so").write_bytes(b"of another machine")
        library._best.cache_clear()
        with pytest.warns(UserNote, match="library for portable does not load.*install videomamba again"):
            found, reason = library.available()
        assert not found
        assert "does not load" in reason
    finally:
        monkeypatch.undo()
        library.load.cache_clear()
        library._best.cache_clear()
