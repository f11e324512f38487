"""``videomamba models``: the architectures by name."""

from typing import Annotated

import tyro
from rich.table import Table

from videomamba.cli.common.options import Json, option, people, print_json
from videomamba.errors import UserError


def models(pattern: Annotated[str, tyro.conf.Positional, option("PATTERN")] = "*", json: Json = False) -> int:
    """Lists the architectures that `train --model` and `create_model` know.

    Args:
        pattern: names to list, such as '*small'
    """
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
    people().print(table)
    if json:
        print_json(rows)
    return 0
