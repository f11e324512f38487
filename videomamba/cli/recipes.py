"""``videomamba recipes``: the named runs and their published figures."""

import inspect
from typing import Annotated, Any

import tyro
from rich.table import Column, Table

from videomamba.cli.common.options import Json, option, people, print_json
from videomamba.errors import UserError


def recipes(
    name: Annotated[str | None, tyro.conf.Positional, option("NAME")] = None,
    json: Json = False,
) -> int:
    """Lists what `videomamba train` knows by name, or describes one recipe: command, layout, choices.

    Args:
        name: of a recipe
    """
    from videomamba.recipes import RECIPES

    if name is not None and name not in RECIPES:
        raise UserError(f"there is no recipe {name!r}; `videomamba recipes` lists them")
    rows = [_row(recipe) for recipe in (RECIPES if name is None else (name,))]
    if json:
        print_json(rows if name is None else rows[0])
        return 0
    console = people()
    table = Table(Column("recipe", no_wrap=True), "frames", "begins from", "published", "in")
    for row in rows:
        figure = "" if row["published"] is None else f"{row['published']:.1f} {row['metric']}"
        table.add_row(row["name"], str(row["frames"] or ""), row["begins_from"], figure, row["where"] or "")
    console.print(table)
    if name is None:
        console.print(
            "`videomamba recipes NAME` says how it is run, `videomamba train NAME DIR` runs it", soft_wrap=True
        )
        return 0
    console.print(RECIPES[name].command, soft_wrap=True)
    if len(figures := rows[0]["figures"]) > 1:
        console.print("published: " + ", ".join(f"{metric} {value}" for metric, value in figures.items()))
    console.print("\n" + (inspect.getdoc(RECIPES[name]) or "").replace(":func:", ""), soft_wrap=True)
    return 0


def _row(name: str) -> dict[str, Any]:
    from videomamba.recipes import RECIPES

    recipe = RECIPES[name]
    run, published = recipe(None), recipe.published
    metric, figure = (None, None) if published is None else published.headline
    return {
        "name": name,
        "command": recipe.command,
        "task": run.task,
        "layout": run.data.layout,
        "model": run.model.name,
        "frames": run.data.num_frames,
        "begins_from": recipe.begins_from,
        "published": figure,
        "metric": metric,
        "figures": {} if published is None else published.figures,
        "where": None if published is None else published.where,
    }
