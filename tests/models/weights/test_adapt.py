"""Weights fitted to another input: each rule against its definition by hand, and whole networks that must agree."""

import pytest
import torch

from tests.models.weights.foreign_files import random_weights, reference
from videomamba.models import create_model, load_model
from videomamba.models.weights.adapt import fit_patches, fit_positions, join_positions, split_positions
from videomamba.nn.position import from_image_table

VIM = {"embed_dim": 32, "depth": 2, "img_size": 64}


@pytest.fixture
def vim(tmp_path):
    path = tmp_path / "vim_image.pth"
    torch.save({"model": reference("vim_image").weights}, path)
    return path


@pytest.fixture
def k400(tmp_path):
    """OpenGVLab's video model of 4 frames, tubelets of one."""
    path = tmp_path / "videomamba_k400.pth"
    torch.save(reference("opengvlab_video_tubelet1").weights, path)
    return path


def test_a_still_video_has_the_image_models_logits(vim):
    """Temporal expansion and mean inflation, the class token kept in the middle, one tubelet in time."""
    want = reference("vim_image")
    still = want.video.expand(-1, -1, 2, -1, -1)
    model = create_model("videomamba_small", pretrained=vim, num_frames=2, cls_position="middle", **VIM).eval()
    assert (model.config.tubelet_size, model.config.pos_embed) == (2, "temporal_expansion")
    deviation = (model(still).double() - want.logits).abs().max() / want.logits.abs().max()
    assert deviation <= 1e-5
    moved = create_model("videomamba_small", pretrained=vim, num_frames=2, **VIM).eval()
    assert (moved(still).double() - want.logits).abs().max() > 1e-3  # in front, the token reads another sequence


def test_the_papers_video_model_from_an_image_model(vim):
    """16 frames: the class token's slot goes from the middle, 8 of 17, to the front; each frame has P_image."""
    weights = reference("vim_image").weights
    model = create_model("videomamba_small", pretrained=vim, num_frames=16, class_names=list("abcd"), **VIM)
    assert model.config.grid == (8, 4, 4)
    assert model.pos_embed.shape == (1, 129, 32)
    assert torch.equal(model.pos_embed[0, 0], weights["pos_embed"][0, 8])
    patches = torch.cat([weights["pos_embed"][0, :8], weights["pos_embed"][0, 9:]])
    for frame in range(8):
        assert torch.equal(model.pos_embed[0, 1 + 16 * frame : 17 + 16 * frame], patches)
    kernel = weights["patch_embed.proj.weight"]
    assert torch.equal(model.patch_embed.proj.weight, torch.stack([kernel / 2, kernel / 2], 2))
    assert (model.num_classes, model.class_names) == (4, ("a", "b", "c", "d"))
    assert model.training
    assert model(torch.randn(1, 3, 16, 64, 64)).shape == (1, 4)


@pytest.mark.parametrize("kind", ["temporal_expansion", "spatial_interpolation", "embed_dim_interpolation"])
def test_each_strategy_carries_the_table_over_as_it_is_defined(vim, kind):
    positions = reference("vim_image").weights["pos_embed"]
    image_table = torch.cat([positions[0, :8], positions[0, 9:]]).view(4, 4, 32)
    model = create_model("videomamba_small", pretrained=vim, num_frames=6, pos_embed=kind, **VIM)
    want = from_image_table(kind, image_table, (3, 4, 4))
    assert torch.equal(model.pos_embed[0, 1:], want.flatten(0, 2))
    assert torch.equal(model.pos_embed[0, 0], positions[0, 8])


def test_strategies_that_take_nothing_from_the_image_table(vim):
    slot = reference("vim_image").weights["pos_embed"][0, 8]
    fresh = create_model("videomamba_small", pretrained=vim, num_frames=6, pos_embed="random", **VIM)
    assert torch.equal(fresh.pos_embed[0, 0], slot)
    assert not torch.equal(fresh.pos_embed[0, 1:17], fresh.pos_embed[0, 17:33])
    assert create_model("videomamba_small", pretrained=vim, num_frames=6, pos_embed="none", **VIM).pos_embed is None
    waves = create_model("videomamba_small", pretrained=vim, num_frames=6, pos_embed="sinusoidal", **VIM)
    assert torch.equal(waves.pos_embed, create_model("videomamba_small", num_frames=6, pos_embed="sinusoidal",
                                                     **VIM).pos_embed)  # fmt: skip


def test_inflation_by_hand():
    kernel = torch.randn(2, 3, 1, 4, 4)
    mean, centre = fit_patches(kernel, 4), fit_patches(kernel, 4, "centre")
    for frame in range(4):
        torch.testing.assert_close(mean[:, :, frame], kernel[:, :, 0] / 4)
        assert torch.equal(centre[:, :, frame], kernel[:, :, 0] * (frame == 2))
    pair = torch.randn(2, 3, 2, 4, 4)
    a, b = pair[:, :, 0], pair[:, :, 1]
    torch.testing.assert_close(fit_patches(pair, 4), torch.stack([a / 2, a / 2, b / 2, b / 2], 2))
    torch.testing.assert_close(fit_patches(pair, 3), torch.stack([a * 2 / 3, (a + b) / 3, b * 2 / 3], 2))
    torch.testing.assert_close(fit_patches(pair, 1), (a + b)[:, :, None])
    assert fit_patches(pair, 2) is pair
    with pytest.raises(ValueError, match="unknown inflation 'median'; choose one of mean, centre"):
        fit_patches(pair, 4, "median")


def test_the_centre_variant_looks_at_the_middle_frame(vim):
    want = reference("vim_image")
    video = torch.randn(2, 3, 2, 64, 64)
    video[:, :, 1:] = want.video
    model = create_model("videomamba_small", pretrained=vim, num_frames=2, cls_position="middle", inflation="centre",
                         **VIM).eval()  # fmt: skip
    assert (model(video).double() - want.logits).abs().max() / want.logits.abs().max() <= 1e-5


def test_longer_tubelets_see_a_slow_video_as_before(k400):
    """Every frame twice under tubelets of two: the same tokens, so the same logits; either way to ask for it."""
    want = reference("opengvlab_video_tubelet1")
    slow = want.video.repeat_interleave(2, dim=2)
    loaded = load_model(k400, tubelet_size=2, num_frames=8)
    live = load_model(k400)
    live.set_input_size(num_frames=8, tubelet_size=2)
    for model in (loaded, live):
        assert (model(slow).double() - want.logits).abs().max() / want.logits.abs().max() <= 1e-5
        assert model.preprocessing.num_frames == 8
    assert torch.equal(loaded(slow), live(slow))


def test_more_frames_and_another_size_leave_the_class_slot_alone(k400):
    old = load_model(k400)
    slot, table = split_positions(old.pos_embed.detach(), old.config)
    loaded = load_model(k400, num_frames=7, img_size=(64, 32))
    old.set_input_size(7, (64, 32))
    time = torch.nn.functional.interpolate(
        torch.nn.functional.interpolate(table.permute(0, 3, 1, 2), (4, 2), mode="bicubic").flatten(1).T[None], 7,
        mode="linear",
    )  # fmt: skip
    want = time[0].T.view(7, 32, 4, 2).permute(0, 2, 3, 1)
    for model in (loaded, old):
        torch.testing.assert_close(model.pos_embed, join_positions(slot, want, model.config))
        assert model.preprocessing.size == (64, 32)
        assert model(torch.randn(1, 3, 7, 64, 32)).shape == (1, 5)
    assert torch.equal(loaded.pos_embed, old.pos_embed)


def test_a_class_token_in_the_middle_stays_in_the_middle_of_a_longer_sequence():
    small = create_model("videomamba_tiny", cls_position="middle", num_frames=4, **VIM)
    with torch.no_grad():
        small.pos_embed[0, small.config.cls_index] = 7.0
    small.set_input_size(num_frames=8)
    assert small.config.cls_index == 32
    assert (small.pos_embed[0, 32] == 7.0).all()
    assert small.pos_embed.abs().max() == 7.0
    assert (small.pos_embed == 7.0).sum() == 32


def test_other_classes_start_a_fresh_head_and_nothing_else(k400):
    old, new = load_model(k400), load_model(k400, num_classes=9)
    assert new.head.weight.shape == (9, 32)
    theirs = dict(old.named_parameters())
    assert {name for name, p in new.named_parameters() if not torch.equal(p, theirs[name])} == {
        "head.weight",
        "head.bias",
    }
    kept = create_model("videomamba_tiny", pretrained=k400, num_frames=4, tubelet_size=1, img_size=48, embed_dim=32,
                        depth=2, class_names=list("vwxyz"))  # fmt: skip
    assert torch.equal(kept.head.weight, old.head.weight)  # five outputs, that had no names until now
    assert kept.class_names == tuple("vwxyz")


def test_what_cannot_be_fitted_is_named(k400, vim):
    with pytest.raises(ValueError, match="the checkpoint has embed_dim=32 and cannot be fitted to embed_dim=384"):
        create_model("videomamba_small", pretrained=k400)
    with pytest.raises(ValueError, match="the checkpoint has depth=2 and cannot be fitted to depth=3"):
        load_model(vim, depth=3)
    with pytest.raises(ValueError, match="unknown option frames; known are num_frames"):
        load_model(vim, frames=3)
    with pytest.raises(ValueError, match="pretrained=True; the authors released no weights"):
        create_model("videomamba_small", pretrained=True)


@pytest.mark.parametrize("call", [
    lambda vim: load_model(vim, inflation="center"),
    lambda vim: create_model("videomamba_small", pretrained=vim, inflation="center", num_frames=2, **VIM),
    lambda vim: create_model("videomamba_nano", inflation="center"),
])  # fmt: skip
def test_a_typo_in_the_inflation_is_always_refused(call, vim):
    with pytest.raises(ValueError, match="unknown inflation 'center'; choose one of mean, centre"):
        call(vim)


def test_sizes_of_nothing_are_refused_and_change_nothing():
    model = create_model("videomamba_tiny", num_frames=4, **VIM)
    for size in ({"num_frames": 0}, {"img_size": 0}, {"tubelet_size": 0}, {"img_size": (0, 64)}):
        with pytest.raises(ValueError, match="at least 1"):
            model.set_input_size(**size)
    assert model.config.grid == (2, 4, 4)
    assert model(torch.randn(1, 3, 4, 64, 64)).shape == (1, 400)


def test_positions_of_models_that_learn_none():
    fixed = create_model("videomamba_tiny", pos_embed="sinusoidal", num_frames=4, **VIM)
    assert fit_positions(None, fixed.config, fixed.config) is None
    fixed.set_input_size(num_frames=8)
    assert fixed.pos_embed.shape == (1, 4 * 16 + 1, 32)


def test_freezing():
    model = create_model("videomamba_tiny", num_frames=4, drop_path_rate=0.2, **(VIM | {"depth": 4}))
    model.freeze(2)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert {name.split(".")[0] for name in frozen} == {"cls_token", "pos_embed", "patch_embed", "blocks"}
    assert {name.split(".")[1] for name in frozen if name.startswith("blocks")} == {"0", "1"}
    assert {name.split(".")[1] for name in trained if name.startswith("blocks")} == {"2", "3"}
    assert [block.drop_path.p > 0 for block in model.blocks] == [False, False, True, True]
    assert model.config.drop_path_rate == 0.2  # of the last block
    model.freeze()
    assert model.config.drop_path_rate == 0.0
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"head.weight", "head.bias"}
    with pytest.raises(ValueError, match="cannot freeze 5 blocks; this model has 4"):
        model.freeze(5)


def test_a_gradient_reaches_every_fitted_parameter(vim):
    model = create_model("videomamba_small", pretrained=vim, num_frames=8, **VIM)
    model(torch.randn(1, 3, 8, 64, 64)).sum().backward()
    untouched = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert untouched == {"blocks.1.mixer.forward_ssm.A_log"}  # the head's token has no past in the last block


def test_the_stride_of_overlapping_patches_survives(tmp_path):
    torch.save(random_weights(32, 1, classes=3, slots=50), tmp_path / "vim_ft.pth")
    from videomamba.models import convert

    convert(tmp_path / "vim_ft.pth", tmp_path / "ours", patch_stride=8)
    model = load_model(tmp_path / "ours", num_frames=4, tubelet_size=2, img_size=96)
    assert model.config.grid == (2, 11, 11)
    assert model(torch.randn(1, 3, 4, 96, 96)).shape == (1, 3)
    with pytest.raises(ValueError, match="img_size=100 must be patch_size=16 plus a multiple of patch_stride=8"):
        model.set_input_size(img_size=100)
