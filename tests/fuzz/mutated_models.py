"""Model folders and checkpoint files with something wrong in them: python -m tests.fuzz.mutated_models [N] [SEED]

Each is loaded; the outcomes that are allowed are a refusal in one line (UserError) and a model with finite outputs. The
command prints how many there were of each, and exits with status 1 if there was anything else.
"""

import argparse
import collections
import contextlib
import datetime
import io
import json
import pickle
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from videomamba.errors import UserError
from videomamba.models import Detector, Segmenter, create_model, load_model

TINY = {"embed_dim": 16, "depth": 2, "img_size": 32, "num_frames": 4, "tubelet_size": 2, "num_classes": 3}
MODELS: dict[str, dict[str, Any]] = {
    "videomamba_tiny": {**TINY, "class_names": ["a", "b", "c"]},
    "videomamba_small": {**TINY, "pos_embed": "sinusoidal", "backward_order": "spatial"},
    "videomamba_nano": {**TINY, "pos_embed": "none", "cls_position": "middle"},
    "videomamba_tiny_detector": TINY,
    "asformer_ssm": {"input_dim": 4, "embed_dim": 8, "num_layers": 2, "num_decoders": 1, "num_classes": 3},
    "mstcn2": {"input_dim": 4, "embed_dim": 8, "num_layers": 2, "num_refinements": 1, "num_refinement_layers": 2},
}
VALUES = [None, True, 0, -1, 1, 2, 3, 7, 1.5, 1e30, 10**12, 10**30, float("nan"), float("inf"), "", "x", "auto", [],
          [1, 2], ["a", "b", "c"], {}, {"a": 1}, [None], [[1], [2]]]  # fmt: skip
STRANGE = [np.float64(1), np.arange(3), Path("x"), datetime.date(2026, 1, 1), collections.Counter("ab"), 1j, {1}, print,
           argparse.Namespace(a=1), torch.float16, collections.defaultdict(list), sys.exit, io.BytesIO,
           object()]  # fmt: skip
DTYPES = [torch.float16, torch.int64, torch.bool, torch.float64, torch.bfloat16]
REFUSED, LOADED = "refused in one line", "loaded, finite outputs"


@dataclass(frozen=True)
class Case:
    """What was done to a model, and what came of it."""

    mutation: str
    outcome: str
    detail: str


def cases(count: int, seed: int) -> Iterator[Case]:
    """So many mutated models, each loaded."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name, options in MODELS.items():
            create_model(name, **options).save_pretrained(root / name)
        for i in range(count):
            mutate = rng.choice(MUTATIONS)
            path = root / f"case-{i}"
            path.mkdir()
            with contextlib.suppress(TypeError, ValueError, OverflowError, RuntimeError, pickle.PicklingError):
                made = mutate(rng, root / rng.choice(list(MODELS)), path)  # what cannot be written is no case
                yield Case(mutate.__name__, *outcome(made))


def outcome(path: Path) -> tuple[str, str]:
    """What loading it ends in, and the line or the traceback."""
    try:
        model = load_model(path)
        finite = bool(answer(model).isfinite().all())
        return (LOADED, "") if finite else ("loaded, outputs not finite", "")
    except UserError as error:
        line = str(error)
        return (REFUSED, line) if line.strip() and "\n" not in line else ("refused in several lines", line)
    except Exception:
        return "traceback", traceback.format_exc()


@torch.inference_mode()
def answer(model: Any) -> Tensor:
    if isinstance(model, Segmenter):
        return model(torch.randn(1, model.config.input_dim, 9))
    config = model.config
    video = torch.randn(1, 3, config.num_frames, *config.height_width)
    return model(video, torch.tensor([[[1.0, 1, 20, 20]]])) if isinstance(model, Detector) else model(video)


def a_value_in_the_config(rng: random.Random, model: Path, path: Path) -> Path:
    values = json.loads((model / "config.json").read_text())
    inner = rng.choice([values, values["model"], values["model"], values["preprocessing"]])
    inner[rng.choice(list(inner))] = rng.choice(VALUES)
    return _folder(path, json.dumps(values).encode(), (model / "model.safetensors").read_bytes())


def a_key_of_the_config(rng: random.Random, model: Path, path: Path) -> Path:
    values = json.loads((model / "config.json").read_text())
    inner = rng.choice([values, values["model"], values["preprocessing"]])
    value = inner.pop(rng.choice(list(inner)))
    if rng.random() < 0.5:
        inner[rng.choice(["x", "depht", "", "num_classes"])] = value
    return _folder(path, json.dumps(values).encode(), (model / "model.safetensors").read_bytes())


def bytes_of_the_config(rng: random.Random, model: Path, path: Path) -> Path:
    return _folder(
        path, _damaged(rng, (model / "config.json").read_bytes()), (model / "model.safetensors").read_bytes()
    )


def bytes_of_the_weights(rng: random.Random, model: Path, path: Path) -> Path:
    return _folder(
        path, (model / "config.json").read_bytes(), _damaged(rng, (model / "model.safetensors").read_bytes())
    )


def a_header_of_the_weights(rng: random.Random, model: Path, path: Path) -> Path:
    data = (model / "model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    entry = header[rng.choice([name for name in header if name != "__metadata__"])]
    entry[rng.choice(list(entry))] = rng.choice([*VALUES, "F16", "I32", "F64", "F8_E4M3", "BOOL", [0, 8], [8, 0]])
    text = json.dumps(header).encode()
    return _folder(
        path, (model / "config.json").read_bytes(), len(text).to_bytes(8, "little") + text + data[8 + length :]
    )


def a_tensor(rng: random.Random, model: Path, path: Path) -> Path:
    weights = load_file(model / "model.safetensors")
    _spoil(rng, weights)
    (path / "config.json").write_bytes((model / "config.json").read_bytes())
    save_file({name: value.contiguous() for name, value in weights.items()}, path / "model.safetensors")
    return path


def two_models_mixed(rng: random.Random, model: Path, path: Path) -> Path:
    other = rng.choice([p for p in model.parent.iterdir() if (p / "config.json").is_file() and p != model])
    return _folder(path, (model / "config.json").read_bytes(), (other / "model.safetensors").read_bytes())


def something_beside_pickled_weights(rng: random.Random, model: Path, path: Path) -> Path:
    weights = _theirs()
    content: Any = {rng.choice(["model", "state_dict", "model_ema", "net", "x"]): weights}
    for key in rng.sample(["epoch", "args", "cfg", "optimizer", "rng"], 2):
        content[key] = rng.choice([rng.choice(STRANGE), {"inner": rng.choice(STRANGE)}])
    return _pickled(rng, content, path)


def pickled_weights_spoilt(rng: random.Random, model: Path, path: Path) -> Path:
    weights: dict[str, Any] = _theirs()
    _spoil(rng, weights)
    if rng.random() < 0.3:
        weights[rng.choice(list(weights))] = rng.choice([*VALUES, *STRANGE])
    if rng.random() < 0.3:
        weights = {name: value.numpy() if isinstance(value, Tensor) else value for name, value in weights.items()}
    return _pickled(
        rng, rng.choice([weights, {"model": weights}, {"a": {"b": weights}}, [weights], (1, weights)]), path
    )


def bytes_of_a_pickle(rng: random.Random, model: Path, path: Path) -> Path:
    file = _pickled(rng, {"model": _theirs(), "accuracy": rng.choice(STRANGE[:6])}, path)
    file.write_bytes(_damaged(rng, file.read_bytes()))
    return file


def opcodes_at_random(rng: random.Random, model: Path, path: Path) -> Path:
    """A short pickle whose instructions were changed, as a legacy file has them in its head."""
    data = bytearray(pickle.dumps({"model": {"a": np.arange(3), "b": rng.choice(STRANGE[:6])}}, rng.choice([0, 2, 4])))
    opcodes = b"()]}tlds.NRbcao0eu\x85\x86\x87\x81\x93\x94qhX\x8c"
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(len(data))] = rng.choice([*opcodes, rng.randrange(256)])
    (path / "videomamba_x.pth").write_bytes(bytes(data))
    return path / "videomamba_x.pth"


MUTATIONS = [a_value_in_the_config, a_value_in_the_config, a_key_of_the_config, bytes_of_the_config,
             bytes_of_the_weights, a_header_of_the_weights, a_tensor, two_models_mixed, bytes_of_a_pickle,
             something_beside_pickled_weights, pickled_weights_spoilt, opcodes_at_random]  # fmt: skip


def _folder(path: Path, config: bytes, weights: bytes) -> Path:
    (path / "config.json").write_bytes(config)
    (path / "model.safetensors").write_bytes(weights)
    return path


def _theirs() -> dict[str, Tensor]:
    """A small checkpoint under OpenGVLab's names."""
    draw = torch.randn
    weights = {"cls_token": draw(1, 1, 16), "pos_embed": draw(1, 5, 16), "temporal_pos_embedding": draw(1, 2, 16)}
    weights |= {"patch_embed.proj.weight": draw(16, 3, 1, 16, 16), "patch_embed.proj.bias": draw(16)}
    weights |= {"norm_f.weight": draw(16), "head.weight": draw(3, 16), "head.bias": draw(3)}
    weights |= {"layers.0.norm.weight": draw(16), "layers.0.mixer.in_proj.weight": draw(64, 16)}
    weights["layers.0.mixer.out_proj.weight"] = draw(16, 32)
    for b in ("", "_b"):
        mixer = {f"conv1d{b}.weight": draw(32, 1, 4), f"conv1d{b}.bias": draw(32), f"x_proj{b}.weight": draw(33, 32)}
        mixer |= {f"dt_proj{b}.weight": draw(32, 1), f"dt_proj{b}.bias": draw(32), f"A{b}_log": draw(32, 16)}
        weights |= {f"layers.0.mixer.{name}": value for name, value in {**mixer, f"D{b}": draw(32)}.items()}
    return weights


def _spoil(rng: random.Random, weights: dict[str, Any]) -> None:
    name = rng.choice(list(weights))
    value = weights[name]
    kind = rng.choice(["gone", "renamed", "nan", "inf", "shape", "empty", "dtype", "scalar", "huge", "more"])
    if kind in ("gone", "renamed"):
        del weights[name]
        if kind == "renamed":
            weights[rng.choice([f"{name}_", "", name.upper(), "layers.99999999.x", "layers.x.y"])] = value
    elif kind in ("nan", "inf"):
        weights[name] = value.clone()
        weights[name].view(-1)[rng.randrange(value.numel())] = float(kind)
    elif kind == "more":
        weights["more"] = value.clone()
    else:
        changed = {
            "shape": lambda: value.reshape(-1),
            "empty": lambda: value[:0],
            "dtype": lambda: value.to(
                rng.choice([torch.float16, torch.int64, torch.bool, torch.float64, torch.bfloat16])
            ),
            "scalar": lambda: torch.tensor(1.0),
            "huge": lambda: value * 10.0 ** rng.choice([3, 10, 30]),
        }
        weights[name] = changed[kind]()


def _pickled(rng: random.Random, content: Any, path: Path) -> Path:
    file = path / f"videomamba_x{rng.choice(['.pth', '.pt', '.ckpt'])}"
    torch.save(
        content, file, _use_new_zipfile_serialization=rng.random() < 0.5, pickle_protocol=rng.choice([2, 2, 4, 5])
    )
    return file


def _damaged(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    kind = rng.choice(["flip", "flip", "cut", "zeros", "insert", "head"])
    if kind == "cut":
        return bytes(changed[: rng.randrange(len(changed))])
    if kind == "zeros":
        start = rng.randrange(len(changed))
        changed[start : start + 64] = bytes(len(changed[start : start + 64]))
    elif kind == "insert":
        changed[rng.randrange(len(changed)) :] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 9)))
    else:
        for _ in range(rng.randint(1, 16)):
            changed[rng.randrange(min(len(changed), 2000) if kind == "head" else len(changed))] = rng.randrange(256)
    return bytes(changed)


def main() -> int:
    count, seed = (int(argument) for argument in (*sys.argv[1:], *("100", "0")[len(sys.argv) - 1 :]))
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    began, table, odd = time.monotonic(), collections.Counter[tuple[str, str]](), []
    for case in cases(count, seed):
        table[case.mutation, case.outcome] += 1
        if case.outcome not in (REFUSED, LOADED):
            odd.append(case)
            print(f"{case.mutation}: {case.outcome}\n{case.detail}", file=sys.stderr, flush=True)
    outcomes = sorted({outcome for _, outcome in table})
    print("| mutation | " + " | ".join(outcomes) + " |\n|" + "---|" * (len(outcomes) + 1))
    for mutation in sorted({mutation for mutation, _ in table}):
        print(f"| {mutation.replace('_', ' ')} | " + " | ".join(str(table[mutation, o]) for o in outcomes) + " |")
    sums = [sum(n for (_, of), n in table.items() if of == o) for o in outcomes]
    print("| all | " + " | ".join(map(str, sums)) + f" |\n\nseed {seed}, {time.monotonic() - began:.0f} s")
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main())
