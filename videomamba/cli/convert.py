"""``videomamba convert``: another code base's checkpoint as a model folder of this package."""

import warnings
from pathlib import Path
from typing import Annotated

import tyro

from videomamba.cli.common.options import Json, option, people, print_json, refuse
from videomamba.cli.info import facts_of, show_facts
from videomamba.notes import UserNote


def convert(
    src: Annotated[str, tyro.conf.Positional, option("SRC")],
    dst: Annotated[Path, tyro.conf.Positional, option("DST")],
    origin: Annotated[str | None, option("NAME")] = None,
    patch_stride: Annotated[int | None, option("PIXELS")] = None,
    json: Json = False,
) -> int:
    """Converts a checkpoint of Vim, OpenGVLab's VideoMamba, torchvision's Swin-T or ASFormer to a model folder.

    The result gives the same features and logits. Its architecture is inferred from the names and shapes in the file. A
    .pkl file with mmaction2's person boxes for AVA becomes a csv; nothing but numbers is read from it.

    Args:
        src: .pkl of boxes; .pth, .model or .safetensors file, or hf-hub:owner/name[:file]
        dst: the model folder to write, or the csv
        origin: whose file it is, where neither its content nor its name tells: vim, opengvlab, swin or asformer
        patch_stride: pixels from one patch to the next, if patches overlap (8 for Vim's fine-tuned files)
    """
    from videomamba.models import convert as convert_checkpoint

    if Path(src).suffix in (".pkl", ".pickle"):
        refuse({"--origin": origin, "--patch-stride": patch_stride}, f"{src} holds boxes, not a checkpoint")
        return _convert_boxes(Path(src), dst, json=json)
    checkpoint = convert_checkpoint(src, dst, origin=origin, patch_stride=patch_stride)
    facts = facts_of(dst)
    console = people()
    for note in checkpoint.notes:
        warnings.warn(note, UserNote, stacklevel=1)
    show_facts(facts, console)
    console.print(f"wrote {dst}", soft_wrap=True)
    if json:
        print_json({"path": dst, **facts})
    return 0


def _convert_boxes(src: Path, dst: Path, *, json: bool) -> int:
    from videomamba.data.datasets.ava_pickle import boxes_from_pickle

    count = boxes_from_pickle(src, dst)
    people().print(f"wrote {count} boxes to {dst}", soft_wrap=True)
    if json:
        print_json({"path": dst, "boxes": count})
    return 0
