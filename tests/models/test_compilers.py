"""What takes a whole model apart: torch.compile, torch.export, symbolic tracing, copies, pickles, the meta device."""

import copy
import io
import pickle
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.export import Dim, export
from torchvision.models.feature_extraction import create_feature_extractor

from tests.models.kinds import MODELS
from videomamba import create_model
from videomamba.ops.conv import native as native_conv
from videomamba.ops.native import library

TINY = {
    "num_frames": 2,
    "img_size": 16,
    "patch_size": 8,
    "tubelet_size": 1,
    "embed_dim": 16,
    "depth": 1,
    "num_classes": 3,
}
KINDS = [{}, {"backward_order": "spatial", "pos_embed": "sinusoidal", "cls_position": "middle"}]
BACKENDS = ["auto", pytest.param("torch", marks=pytest.mark.slow)]


def make(**options):
    torch.manual_seed(0)
    return create_model("videomamba_tiny", **TINY | options).eval()


@pytest.fixture(params=KINDS, ids=["flip", "spatial"])
def options(request):
    return request.param


def clip(batch=2):
    return torch.randn(batch, 3, 2, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_compiles_into_one_graph(backend, options):
    model, x = make(backend=backend, **options), clip()
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), model(x))
    for net in (compiled, model):
        model.zero_grad()
        net(x).square().sum().backward()
        gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        if net is compiled:
            got = gradients
    for name, want in gradients.items():
        torch.testing.assert_close(got[name], want, msg=name)


@pytest.mark.slow
def test_compiles_with_checkpointing_and_autocast():
    model, x = make().train(), clip()
    model.set_grad_checkpointing()
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = compiled(x)
        want = model(x)
    torch.testing.assert_close(got, want)
    got.sum().backward()


@pytest.fixture
def no_kernels(tmp_path, monkeypatch):
    """As where the package was installed without a C++ compiler."""
    with monkeypatch.context() as patch:
        patch.setattr(library, "_path", lambda variant: tmp_path / variant)
        patch.setattr(native_conv, "AVAILABLE", False)
        library._best.cache_clear()
        yield
    library._best.cache_clear()


@pytest.mark.parametrize("checkpointing", [False, True])
def test_compiles_without_the_compiled_kernels(checkpointing, no_kernels):
    """Whether there are any is asked in the middle of the graph."""
    model, x = make().train(), clip()
    model.set_grad_checkpointing(checkpointing)
    torch._dynamo.reset()
    got = torch.compile(model, fullgraph=True, backend="eager")(x)
    assert not library.available()[0]
    torch.testing.assert_close(got, model(x))
    got.sum().backward()


@pytest.mark.slow
def test_compiled_tangents_are_not_dropped():
    """The loop over tokens, unrolled."""
    model, x = make(), clip(1)
    torch._dynamo.reset()

    def tangent(x):
        return torch.func.jvp(model, (x,), (torch.cos(x),))[1]

    torch.testing.assert_close(torch.compile(tangent, backend="aot_eager")(x), tangent(x))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_exports_for_any_batch(backend, strict, options):
    model, x = make(backend=backend, **options), clip()
    program = export(model, (x,), dynamic_shapes=({0: Dim("batch", min=1, max=64)},), strict=strict)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for batch in (1, 2, 5):
        assert torch.equal(loaded(clip(batch)), model(clip(batch)))


@pytest.mark.slow
def test_packages_for_aotinductor(tmp_path, options):
    """A program of the model that runs without Python's tracing; it needs a C++ compiler."""
    model = make(**options)
    program = export(model, (clip(),), dynamic_shapes=({0: Dim("batch", min=1, max=64)},))
    package = torch._inductor.aoti_compile_and_package(program, package_path=str(tmp_path / "model.pt2"))
    loaded = torch._inductor.aoti_load_package(package)
    for batch in (1, 3):
        torch.testing.assert_close(loaded(clip(batch)), model(clip(batch)), rtol=1e-4, atol=1e-5)


LOAD = """
import sys
import torch
try:
    torch.export.load(sys.argv[1])
except Exception as error:
    print("without:", "videomamba" in repr(error) or "videomamba" in str(error.__cause__) or type(error).__name__)
else:
    print("without: loaded")
import videomamba.ops
program = torch.export.load(sys.argv[1]).module()
print("with:", tuple(program(torch.zeros(3, 3, 2, 16, 16)).shape))
"""


@pytest.mark.slow
def test_a_saved_program_needs_the_operators_imported(tmp_path):
    """As docs/interoperability.md says."""
    program = export(make(), (clip(),), dynamic_shapes=({0: Dim("batch", min=1, max=64)},))
    torch.export.save(program, tmp_path / "model.pt2")
    done = subprocess.run(
        [sys.executable, "-", str(tmp_path / "model.pt2")], input=LOAD, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1:] == ["with: (3, 3)"], done.stderr
    assert "without: loaded" not in done.stdout


@pytest.mark.parametrize("training", [False, True])
def test_symbolic_tracing(training, options):
    model, x = make(**options).train(training), clip()
    traced = torch.fx.symbolic_trace(model)
    assert torch.equal(traced(x), model(x))
    with pytest.raises(ValueError, match="this model takes"):
        traced(torch.zeros(1, 3, 4, 16, 16))
    block = model.blocks[0]
    tokens = torch.randn(2, 9, 16)
    for given in ((tokens,), (tokens, torch.randperm(9))):
        assert torch.equal(torch.fx.symbolic_trace(block)(*given), block(*given))


def test_feature_extractor_of_torchvision(options):
    model, x = make(**options), clip()
    features = create_feature_extractor(model, {"blocks.0": "first", "norm": "last", "head": "logits"})(x)
    _, (first, *_) = model.forward_intermediates(x, output_fmt="NLC")
    torch.testing.assert_close(features["first"], first)
    torch.testing.assert_close(features["last"], model.forward_features(x))
    torch.testing.assert_close(features["logits"], model(x))


def test_copies_and_pickles(options):
    model, x = make(**options), clip()
    want = model(x)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin(x), want)
        assert all(a is not b for a, b in zip(twin.parameters(), model.parameters(), strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_is_copied_and_pickled_and_its_hooks_fire(name):
    torch.manual_seed(0)
    net, fired = create_model(name, num_classes=3, **MODELS[name]).eval(), set()
    if net.task == "segmentation":
        inputs = (torch.randn(1, 4, 20),)
    else:
        inputs = (torch.randn(1, 3, net.preprocessing.num_frames, *net.preprocessing.size),)
    if net.task == "detection":
        inputs = (*inputs, torch.tensor([[[0.0, 0, 20, 20]]]))
    want = net(*inputs)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(twin(*inputs), want)
    # a detector reads its backbone's map of features, and Swin its blocks' parts, without calling the whole
    called = {n for n, m in net.named_modules() if not list(m.children()) and n != "backbone.head"}
    for n in called:
        net.get_submodule(n).register_forward_hook(lambda *_, n=n: fired.add(n))
    net(*inputs)
    assert called - fired <= {
        n for n in called if type(net.get_submodule(n)) in (nn.Identity, nn.Linear) and name == "video_swin_t"
    }


def test_what_no_file_holds_is_there_after_the_meta_device(options):
    """Built without memory, given some, loaded: the backward order and fixed positions are not in the file."""
    model = make(**options)
    with torch.device("meta"):
        empty = create_model("videomamba_tiny", **TINY | options).eval()
    empty.to_empty(device="cpu")
    for tensor in (*empty.parameters(), *empty.buffers()):
        tensor.data.fill_(float("nan") if tensor.is_floating_point() else -1)
    empty.load_state_dict(model.state_dict())
    assert torch.equal(empty(clip()), model(clip()))
    with torch.device("meta"):
        assigned = create_model("videomamba_tiny", **TINY | options).eval()
    assigned.load_state_dict(model.state_dict(), assign=True)
    assert torch.equal(assigned(clip()), model(clip()))


def test_what_no_file_holds_is_there_after_loading_as_transformers_does(options):
    """Parameters are put in one by one, and what else is on the meta device becomes memory as it is."""
    model = make(**options)
    with torch.device("meta"):
        empty = create_model("videomamba_tiny", **TINY | options).eval()
    for name, value in model.state_dict().items():
        parent, _, leaf = name.rpartition(".")
        setattr(empty.get_submodule(parent), leaf, nn.Parameter(value.clone()))
    for module in empty.modules():
        for name in module._non_persistent_buffers_set:
            module._buffers[name] = torch.full_like(module._buffers[name], -1, device="cpu")
    assert not [n for n, t in (*empty.named_parameters(), *empty.named_buffers()) if t.is_meta]
    assert torch.equal(empty(clip()), model(clip()))


def test_transformers_loads_it_from_the_meta_device(tmp_path, options):
    transformers = pytest.importorskip("transformers")

    class Config(transformers.PretrainedConfig):
        model_type = "videomamba_of_a_test"

    class Wrapped(transformers.PreTrainedModel):
        config_class = Config
        base_model_prefix = "network"

        def __init__(self, config):
            super().__init__(config)
            self.network = make(**options)
            self.post_init()

        def _init_weights(self, module):
            pass

        def forward(self, pixel_values):
            return self.network(pixel_values)

    model = Wrapped(Config())
    model.save_pretrained(tmp_path)
    loaded = Wrapped.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded(clip()), model.eval()(clip()))


def test_a_model_on_the_meta_device_counts_shapes(options):
    with torch.device("meta"):
        model = create_model("videomamba_tiny", **TINY | options).eval()
        assert model(torch.empty(2, 3, 2, 16, 16)).shape == (2, 3)


def test_fixed_positions_keep_their_precision_through_half_and_back():
    assert torch.equal(make(pos_embed="sinusoidal").half().float().pos_embed, make(pos_embed="sinusoidal").pos_embed)
