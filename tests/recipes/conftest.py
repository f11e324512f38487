import pytest

from tests.tiny import small_swins
from videomamba.models import VideoMamba, catalogue, create_model
from videomamba.models.config import VideoMambaConfig

TINY = {"videomamba_small": {"embed_dim": 32, "depth": 2}, "videomamba_tiny": {"embed_dim": 16, "depth": 2}}


@pytest.fixture
def tiny_models(monkeypatch):
    """The catalogue's names, for models of a second."""
    for name, size in TINY.items():
        monkeypatch.setitem(catalogue.CATALOGUE, name, VideoMambaConfig(**size))
    with small_swins():
        yield


@pytest.fixture(scope="session")
def starts(tmp_path_factory):
    """Checkpoints to begin from, by what a recipe says it begins from and its model."""
    folder = tmp_path_factory.mktemp("starts")
    with small_swins():
        models = {}
        for name, size in TINY.items():
            image = VideoMambaConfig(
                **size, num_frames=1, tubelet_size=1, img_size=32, num_classes=10, cls_position="middle"
            )
            models["ImageNet-1K", name] = VideoMamba(image)
            models["Kinetics-400", name] = VideoMamba(VideoMambaConfig(**size, num_frames=32, img_size=32))
        for data in ("ImageNet-1K", "Kinetics-400"):
            models[data, "video_swin_t"] = create_model("video_swin_t", img_size=32)
        for (data, name), model in models.items():
            model.save_pretrained(folder / f"{data}_{name}")
    return {key: folder / f"{key[0]}_{key[1]}" for key in models}
