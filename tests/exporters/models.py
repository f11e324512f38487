"""A tiny model, and a file's answer."""

import torch

import videomamba

SMALL = {
    "num_frames": 4,
    "img_size": 16,
    "patch_size": 8,
    "tubelet_size": 2,
    "embed_dim": 16,
    "depth": 1,
    "class_names": ("a", "b", "c"),
}


def model(**options):
    torch.manual_seed(0)
    return videomamba.create_model("videomamba_tiny", **SMALL | options).eval()


def run(path, *inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return torch.from_numpy(session.run(None, {n: x.numpy() for n, x in zip(names, inputs, strict=True)})[0])
