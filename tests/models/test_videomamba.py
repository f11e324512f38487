"""The network: the paper's size, timm's conventions, any input size, numbers that mixed precision does not break."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from videomamba.models import create_model
from videomamba.preprocessing import Preprocessing

TINY = {"num_frames": 4, "img_size": 32, "embed_dim": 16, "depth": 2, "num_classes": 5}


def make(**overrides):
    torch.manual_seed(0)
    return create_model("videomamba_tiny", **TINY | overrides).eval()


def video(batch=2, frames=4, size=32):
    return torch.randn(batch, 3, frames, size, size, generator=torch.Generator().manual_seed(1))


def test_parameters_of_the_papers_model_summed_from_the_published_shapes():
    d, di, r, n, k, depth, classes = 384, 768, 24, 16, 4, 24, 400
    tokens = (16 // 2) * (224 // 16) ** 2 + 1
    direction = (di * k + di) + (r + 2 * n) * di + (di * r + di) + di * n + di  # conv1d, x_proj, dt_proj, A_log, D
    block = d + 2 * di * d + 2 * direction + d * di  # norm, in_proj, two directions, out_proj
    total = (d * 3 * 2 * 16 * 16 + d) + d + tokens * d + depth * block + d + (classes * d + classes)
    assert total == 26_387_344
    model = create_model("videomamba_small", num_frames=16, num_classes=400)
    assert sum(p.numel() for p in model.parameters()) == total
    assert model.norm.eps == 1e-5


def embedded(model, x):
    return model._embed(x, model.config, model.pos_embed)


def test_forward_is_features_then_head():
    model, x = make(), video()
    features = model.forward_features(x)
    assert features.shape == (2, 2 * 2 * 2 + 1, 16)
    assert torch.equal(model(x), model.forward_head(features))
    pre_logits = model.forward_head(features, pre_logits=True)
    assert torch.equal(pre_logits, features[:, 0])
    torch.testing.assert_close(model(x), model.get_classifier()(pre_logits))


@pytest.mark.parametrize("position", ["first", "middle"])
def test_class_token_stands_where_it_should_with_a_slot_of_its_own(position):
    model = make(cls_position=position)
    index = {"first": 0, "middle": 4}[position]  # of 8 patch tokens and the class token
    with torch.no_grad():
        model.cls_token.fill_(7.0)
        model.pos_embed.zero_()
        model.pos_embed[0, index] = 0.5
        model.patch_embed.proj.weight.zero_()
        model.patch_embed.proj.bias.zero_()
    tokens = embedded(model, video())
    assert (tokens[:, index] == 7.5).all()
    assert (tokens.abs().sum() - tokens[:, index].abs().sum()) == 0
    features = model.forward_features(video())
    assert torch.equal(model.forward_head(features, pre_logits=True), features[:, index])


def test_tokens_come_in_the_order_t_h_w():
    """A tubelet lit at (t, h, w) = (1, 0, 1) changes patch token 5 of the 2 x 2 x 2 grid, and only that one."""
    model = make()
    x = torch.zeros(1, 3, 4, 32, 32)
    lit = x.clone()
    lit[:, :, 2:4, 0:16, 16:32] = 1
    changed = (embedded(model, lit) - embedded(model, x)).abs().sum(-1)[0] > 0
    assert changed.nonzero().flatten().tolist() == [1 + 5]
    grid = model.to_grid(embedded(model, lit) - embedded(model, x)).abs().sum(1)[0] > 0
    assert grid.nonzero().tolist() == [[1, 0, 1]]


def test_logits_depend_on_the_order_of_frames_and_every_token():
    model, x = make(), video(1)
    assert not torch.allclose(model(x), model(x.flip(2)), atol=1e-5)
    x.requires_grad_()
    (grad,) = torch.autograd.grad(model(x).sum(), x)
    per_tubelet = grad.abs().unflatten(2, (2, 2)).unflatten(4, (2, 16)).unflatten(6, (2, 16)).sum((1, 3, 5, 7))
    assert (per_tubelet > 0).all()


def test_intermediates():
    model, x = make(depth=4), video()
    final, taken = model.forward_intermediates(x, indices=[1, -1], norm=True)
    assert [t.shape for t in taken] == [(2, 16, 2, 2, 2)] * 2
    assert torch.equal(final, model.forward_features(x))
    assert torch.equal(taken[-1], model.to_grid(final))
    tokens = model.forward_intermediates(x, indices=2, output_fmt="NLC", intermediates_only=True)
    assert [t.shape for t in tokens] == [(2, 9, 16)] * 2
    torch.testing.assert_close(model.norm(tokens[-1]), final)
    early = model.forward_intermediates(x, indices=[0], stop_early=True, intermediates_only=True)
    again = model.forward_intermediates(x, indices=[0], intermediates_only=True)
    assert torch.equal(early[0], again[0])
    with pytest.raises(ValueError, match="there is no block 4; this model has blocks 0 to 3"):
        model.forward_intermediates(x, indices=[4])
    with pytest.raises(ValueError, match="unknown output_fmt 'NCHW'"):
        model.forward_intermediates(x, output_fmt="NCHW")


def test_reset_classifier():
    model, x = make(), video()
    model.reset_classifier(3, class_names=["a", "b", "c"])
    assert model(x).shape == (2, 3)
    assert model.config.num_classes == model.num_classes == 3
    assert model.class_names == ("a", "b", "c")
    model.reset_classifier(0)
    assert torch.equal(model(x), model.forward_features(x)[:, 0])
    with pytest.raises(ValueError, match="2 class names for num_classes=3"):
        model.reset_classifier(3, class_names=["a", "b"])


def test_grad_checkpointing_changes_no_gradient():
    grads = []
    for enable in (False, True):
        model = make().train()
        model.set_grad_checkpointing(enable)
        model(video()).square().sum().backward()
        grads.append([p.grad for p in model.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


def test_group_matcher_puts_every_parameter_into_one_layer():
    model = make()
    matcher = model.group_matcher()
    for name, _ in model.named_parameters():
        in_blocks = [m for pattern, _ in matcher["blocks"] if (m := re.match(pattern, name))]
        in_stem = re.match(matcher["stem"], name)
        assert bool(in_stem) + len(in_blocks) == (0 if name.startswith("head.") else 1), name


def test_no_weight_decay_names():
    model = make()
    spared = model.no_weight_decay()
    decayed = {name.split(".")[-2] for name, _ in model.named_parameters() if name not in spared}
    assert decayed == {"proj", "in_proj", "conv1d", "x_proj", "dt_proj", "out_proj", "head"}
    for name in ("cls_token", "pos_embed", "norm.weight", "head.bias"):
        assert name in spared
    assert {"A_log", "D", "bias"} <= {name.split(".")[-1] for name in spared}


def test_initialisation_survives_the_whole_models():
    model = make(embed_dim=64)
    ssm = model.blocks[1].mixer.backward_ssm
    steps = torch.nn.functional.softplus(ssm.dt_proj.bias)
    assert 0.99e-3 <= steps.min() <= steps.max() <= 0.101
    torch.testing.assert_close(ssm.A_log.exp(), torch.arange(1.0, 17.0).expand_as(ssm.A_log))
    assert (ssm.D == 1).all()
    bound = 1 / (128**0.5 * 2**0.5)  # kaiming-uniform over the fan-in, divided by the root of the depth
    assert 0.9 * bound < model.blocks[0].mixer.out_proj.weight.abs().max() <= bound
    assert model.head.weight.std() < 0.03


def test_drop_path_grows_with_depth():
    model = make(depth=3, drop_path_rate=0.2)
    assert [block.drop_path.p for block in model.blocks] == pytest.approx([0, 0.1, 0.2])
    x = video()
    assert torch.equal(model(x), model(x))
    model.train()
    assert any(not torch.equal(model(x), model(x)) for _ in range(20))


@pytest.mark.parametrize("kind", ["temporal_expansion", "random", "sinusoidal", "none"])
@pytest.mark.parametrize("position", ["first", "middle"])
def test_set_input_size(kind, position):
    model = make(pos_embed=kind, cls_position=position, backward_order="temporal")
    slot = None
    if model.pos_embed is not None and kind != "sinusoidal":
        with torch.no_grad():
            model.pos_embed[0, model.config.cls_index] = 3.0
        slot = model.pos_embed[0, model.config.cls_index].clone()
    model.set_input_size(8, (48, 32))
    assert model(torch.randn(1, 3, 8, 48, 32)).shape == (1, 5)
    assert model.preprocessing.num_frames == 8
    assert model.preprocessing.size == (48, 32)
    if slot is not None:
        assert torch.equal(model.pos_embed[0, model.config.cls_index], slot)
    fresh = make(pos_embed=kind, cls_position=position, num_frames=8, img_size=(48, 32), backward_order="temporal")
    assert [(n, p.shape) for n, p in fresh.named_parameters()] == [(n, p.shape) for n, p in model.named_parameters()]
    assert torch.equal(fresh.order, model.order)
    if kind == "sinusoidal":
        assert torch.equal(fresh.pos_embed, model.pos_embed)
    with pytest.raises(ValueError, match="img_size=40 must be divisible by patch_size=16"):
        model.set_input_size(img_size=40)


def test_temporal_expansion_moves_to_more_frames_unchanged():
    """Frames that share one table share it still after the clip is made longer."""
    model = make()
    before = model.pos_embed[0, 1:5].clone()
    model.set_input_size(num_frames=12)
    torch.testing.assert_close(model.pos_embed[0, 1:].view(6, 4, 16), before.expand(6, 4, 16))


def test_wrong_inputs_are_named():
    model = make()
    with pytest.raises(ValueError, match=r"video has shape \(2, 3, 8, 32, 32\); this model takes \(B, 3, 4, 32, 32\)"):
        model(video(frames=8))
    with pytest.raises(ValueError, match=r"dtype torch.uint8; expected float"):
        model(video().to(torch.uint8))


@pytest.mark.parametrize("scale", [1, 10])
def test_bfloat16_autocast_stays_near_float32_after_24_layers(scale):
    torch.manual_seed(0)
    model = create_model("videomamba_small", num_frames=4, img_size=48, backend="torch").eval()
    x = scale * torch.randn(1, 3, 4, 48, 48)
    with torch.no_grad():
        want = model(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            got = model(x)
    assert got.isfinite().all()
    assert (got.float() - want).abs().max() <= 2e-2


def test_bfloat16_weights_and_float64_weights_run():
    model = make().bfloat16()
    assert embedded(model, video()).dtype == torch.float32, "the residual stream left float32"
    assert model(video()).dtype == torch.bfloat16
    double = make().double()
    torch.testing.assert_close(double(video().double()).float(), make()(video()), rtol=1e-4, atol=1e-5)


def test_delta_maps_are_the_step_sizes_on_the_grid():
    model, x = make(cls_position="middle"), video()
    maps = model.delta_maps(x)
    assert maps.shape == (2, 2, 2, 2, 2, 2)
    tokens = embedded(model, x)
    steps = model.blocks[0].mixer.step_sizes(model.blocks[0].norm(tokens), model.order)
    flat = torch.cat([steps[..., :4], steps[..., 5:]], -1)
    torch.testing.assert_close(maps[:, 0].flatten(2), flat)
    assert (maps > 0).all()


def test_default_preprocessing_follows_the_architecture():
    assert make().preprocessing == Preprocessing(num_frames=4, size=(32, 32))


def test_two_models_in_two_threads_do_not_mix():
    """Workspaces belong to a thread: models of different sizes run side by side as they do alone."""
    models = [create_model("videomamba_nano", depth=2, embed_dim=width, num_classes=5).eval() for width in (32, 48)]
    videos = [torch.randn(1 + i, 3, 16, 64, 64, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    with torch.inference_mode():
        want = [model(video) for model, video in zip(models, videos, strict=True)]

    def run(i: int) -> bool:
        with torch.inference_mode():
            return all(torch.equal(models[i](videos[i]), want[i]) for _ in range(20))

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(run, range(2)))
