"""Models by name."""

import pytest

from videomamba.models import create_model, list_models, model_config


def test_catalogue():
    assert {"videomamba_tiny", "videomamba_small", "videomamba_middle"} <= set(list_models())
    assert list_models("*small") == ["videomamba_small"]
    configs = {name: model_config(name) for name in list_models("videomamba_*") if not name.endswith("detector")}
    sizes = {name: (config.embed_dim, config.depth) for name, config in configs.items()}
    assert sizes["videomamba_tiny"] == (192, 24)
    assert sizes["videomamba_small"] == (384, 24)
    assert sizes["videomamba_middle"] == (576, 32)
    with pytest.raises(ValueError, match=r"unknown model 'videomamba_huge'; choose one of .*videomamba_small"):
        create_model("videomamba_huge")
    with pytest.raises(ValueError, match=r"unknown option widht; known are num_frames"):
        create_model("videomamba_tiny", widht=3)
