import pytest
import torch

from tests.models.segmenters import TINY, VARIANTS
from videomamba.models import create_model


@pytest.fixture(params=VARIANTS)
def segmenter(request):
    """Each architecture that segments, tiny."""
    torch.manual_seed(0)
    name, options = VARIANTS[request.param]
    return create_model(name, **TINY, **options).eval()
