"""``videomamba models``: the architectures, or the published checkpoints, by name."""

import fnmatch
from typing import Annotated, Any

import tyro
from rich.table import Table

from videomamba.cli.common.options import Flag, Json, names_given, option, people, print_json
from videomamba.errors import UserError


def models(
    pattern: Annotated[str, tyro.conf.Positional, option("PATTERN")] = "*",
    pretrained: Flag = False,
    data: Annotated[str | None, option("NAME")] = None,
    frames: Annotated[int | None, option("N")] = None,
    json: Json = False,
) -> int:
    """Lists the architectures that `train --model` and `create_model` know, or the published checkpoints.

    Args:
        pattern: names to list, such as '*small*'
        pretrained: list the published checkpoints that `--checkpoint`, `--start` and `load_model` take by name
        data: with --pretrained: of this data set, such as k400
        frames: with --pretrained: of so many frames
    """
    if not pretrained and (given := names_given({"data": data, "frames": frames})):
        raise UserError(f"--{given[0]} is for published checkpoints; add --pretrained")
    rows, table = _published(pattern, data, frames) if pretrained else _architectures(pattern)
    people().print(table)
    if json:
        print_json(rows)
    return 0


def _published(pattern: str, data: str | None, frames: int | None) -> tuple[list[dict[str, Any]], Table]:
    from videomamba.models.weights.published import find_published

    found = find_published(data, frames)
    chosen = [row for row in found if fnmatch.fnmatch(row.name, pattern)]
    if not chosen:
        raise UserError(f"no published checkpoint matches {pattern!r}; the first of {len(found)} is {found[0].name}")
    table = Table("name", "data", "frames", "size", "clips x crops", "top-1, %", "repository")
    for row in chosen:
        top1 = "" if row.top1 is None else f"{row.top1:.1f}"
        views = f"{row.views[0]} x {row.views[1]}"
        table.add_row(row.name, row.data, str(row.frames), str(row.size), views, top1, row.repository)
    fields = ("name", "data", "frames", "size", "views", "top1", "pretraining", "repository", "file")
    return [{field: getattr(row, field) for field in fields} for row in chosen], table


def _architectures(pattern: str) -> tuple[list[dict[str, Any]], Table]:
    from videomamba.models import Segmenter, create_model, list_models

    names = list_models(pattern)
    if not names:
        raise UserError(f"no model matches {pattern!r}; there are {', '.join(list_models())}")
    table = Table("name", "parameters", "width x depth", "frames", "size")
    rows = []
    for name in names:
        model = create_model(name)
        parameters, clip = sum(p.numel() for p in model.parameters()), model.preprocessing
        width, depth = (getattr(model.config, field, None) for field in ("embed_dim", "depth"))
        shape = "" if width is None or depth is None else f"{width} x {depth}"
        if isinstance(model, Segmenter):
            table.add_row(name, f"{parameters:,}", shape, "all", f"features ({model.config.input_dim}, T)")
            row = {"name": name, "parameters": parameters, "width": width, "depth": None, "frames": None, "size": None}
            rows.append({**row, "channels": model.config.input_dim})
            continue
        table.add_row(name, f"{parameters:,}", shape, str(clip.num_frames), f"{clip.size[0]} x {clip.size[1]}")
        rows.append(
            {
                "name": name,
                "parameters": parameters,
                "width": width,
                "depth": depth,
                "frames": clip.num_frames,
                "size": list(clip.size),
            }
        )
    return rows, table
