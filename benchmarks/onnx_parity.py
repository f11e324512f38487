"""Largest differences between exported files and their models, as a Markdown table.

    python benchmarks/onnx_parity.py [--json]

Small models with random weights, one for each configuration; each is exported, run on random inputs of several batches,
lengths and numbers of boxes, and compared. The figure is the largest difference of any output over the largest output.
"""

import argparse
import itertools
import json
import sys
import tempfile
import warnings
from pathlib import Path

import torch

import videomamba
from videomamba.models import PretrainedModel

VIDEO = {"num_frames": 8, "img_size": 32, "depth": 2, "embed_dim": 64, "num_classes": 10}
FEATURES = {"input_dim": 32, "num_classes": 10, "num_layers": 4, "embed_dim": 32}
ORDERS = ("spatio_temporal", "spatial", "temporal")
PLACES = ("first", "middle", "last")
EXPORTS = {
    "ONNX": (".onnx", {}),
    "LinearAttention": (".onnx", {"scan": "linear-attention"}),
    "torch.export": (".pt2", {}),
}


def configurations() -> dict[str, tuple[str, dict[str, object]]]:
    """What is exported: a line of the table to a model's name and options."""
    found: dict[str, tuple[str, dict[str, object]]] = {
        f"order {order}, class token {place}": (
            "videomamba_tiny",
            {**VIDEO, "backward_order": order, "cls_position": place},
        )
        for order, place in itertools.product(ORDERS, PLACES)
    }
    for positions in ("sinusoidal", "none"):
        found[f"positions {positions}"] = ("videomamba_tiny", {**VIDEO, "pos_embed": positions})
    found["detector"] = ("videomamba_nano_detector", {"num_frames": 8, "img_size": 64, "depth": 2, "num_classes": 10})
    for name, options in {
        "asformer": {},
        "asformer, exact windows": {"window_mask": "exact"},
        "asformer_ssm": {},
        "asformer, ST-SSM everywhere": {"mixer": "ssm"},
        "mstcn2": {},
    }.items():
        found[name] = (name.partition(",")[0], {**FEATURES, **options})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = {}
    for line, (name, fields) in configurations().items():
        torch.manual_seed(0)
        model = videomamba.create_model(name, **fields).eval()
        rows[line] = differences(model)
        if not options.json:
            if len(rows) == 1:
                print(f"| model | {' | '.join(EXPORTS)} |\n|---|{'---|' * len(EXPORTS)}")
            print(f"| {line} | {' | '.join(f'{found:.1e}' for found in rows[line].values())} |", flush=True)
    if options.json:
        json.dump(rows, sys.stdout, indent=2)


def differences(model: PretrainedModel) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return {
            title: videomamba.export(model, Path(folder) / f"model{suffix}", **options).difference
            for title, (suffix, options) in EXPORTS.items()
        }


if __name__ == "__main__":
    main()
