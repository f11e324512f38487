"""What a name is: a path never becomes a question to the Hub."""

import pytest

from videomamba.models import load_model
from videomamba.models.weights import locate as module


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """An empty folder to work in; asking the Hub fails the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("snapshot_download", "hf_hub_download", "HfApi"):
        monkeypatch.setattr(module, name, lambda *args, **options: pytest.fail("the Hub was asked"))
    return tmp_path


@pytest.mark.parametrize("name", ["runs/typo", "models/typo", "./a/b", "../a", "~/a", "/a/b", "a/b/c", "x", "a/b.pth",
                                  "a/b.model", "a\\b", "a/", "/", "models/", ""])  # fmt: skip
def test_a_path_is_not_looked_for_on_the_hub(name, no_hub):
    (no_hub / "models").mkdir()
    with pytest.raises(ValueError, match=r"there is no checkpoint|holds no checkpoint"):
        load_model(name)


def test_near_names_are_suggested(no_hub):
    for name in ("runs/clips-1", "runs/demo", "other"):
        (no_hub / name).mkdir(parents=True)
    for name, near in (("runs/clip-1", "runs/clips-1"), ("runs/demos/best", "runs/demo"), ("othre", "other")):
        with pytest.raises(ValueError, match=rf"there is no checkpoint {name}; did you mean {near}\?"):
            load_model(name)
    with pytest.raises(ValueError, match=r"there is no checkpoint zzz: expected"):
        load_model("zzz")


def test_what_has_the_form_of_a_hub_id_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(module, "snapshot_download", lambda name, **options: asked.append(name) or 1 / 0)
    for name in ("owner/name", "hf-hub:owner/name"):
        with pytest.raises(ZeroDivisionError):
            module.locate(name)
    assert asked == ["owner/name", "owner/name"]
