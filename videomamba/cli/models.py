"""``videomamba models``: the architectures by name."""

from typing import Annotated

import tyro
from rich.table import Table

from videomamba.cli.options import Json, option, people, print_json


def models(pattern: Annotated[str, tyro.conf.Positional, option("PATTERN")] = "*", json: Json = False) -> int:
    """Lists the architectures that `train --model` and `create_model` know.

    Args:
        pattern: names to list, such as '*small'
    """
    from videomamba.models import create_model, list_models

    names = list_models(pattern)
    if not names:
        raise ValueError(f"no model matches {pattern!r}; there are {', '.join(list_models())}")
    table = Table("name", "parameters", "width x depth", "frames", "size")
    rows = []
    for name in names:
        model = create_model(name)
        config, parameters = model.config, sum(p.numel() for p in model.parameters())
        height, width = config.height_width
        size = f"{config.embed_dim} x {config.depth}"
        table.add_row(name, f"{parameters:,}", size, str(config.num_frames), f"{height} x {width}")
        rows.append(
            {
                "name": name,
                "parameters": parameters,
                "width": config.embed_dim,
                "depth": config.depth,
                "frames": config.num_frames,
                "size": [height, width],
            }
        )
    people().print(table)
    if json:
        print_json(rows)
    return 0
