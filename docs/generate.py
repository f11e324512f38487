"""Writes the parts of the documentation that are made from the code: ``python docs/generate.py``.

A page or CONTRIBUTING.md marks such a part by ``<!-- generated: NAME -->`` and ``<!-- end -->``; NAME is a function in
this file.
"""

import ast
import re
from pathlib import Path

from videomamba.experiments.published import COLUMNS, SHUFFLE, STUDIES, pretrain
from videomamba.recipes import RECIPES
from videomamba.recipes.paper import SEGMENTATION, TABLE
from videomamba.tables import as_markdown

DOCS = Path(__file__).resolve().parent
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def recognition() -> str:
    """The paper's runs on recognition data sets."""
    rows = []
    for recipe in RECIPES.values():
        if recipe.published is None or "start" not in recipe.options:
            continue
        run, (_, top1) = recipe(None), recipe.published.headline
        rows.append(
            [
                f"`{recipe.name}`",
                str(run.model.name),
                str(run.data.num_frames),
                recipe.begins_from,
                f"{run.optim.epochs}, {run.optim.warmup_epochs:g}",
                f"{run.test_clips} x {run.test_crops}",
                f"{top1:.1f}",
                recipe.published.where,
            ]
        )
    head = ["recipe", "model", "frames", "begins from", "epochs, warm-up", "test views", "top-1, %", "in"]
    return as_markdown(head, rows)


def other_tasks() -> str:
    """The paper's runs of detection and segmentation."""
    rows = [
        [
            f"`{recipe.name}`",
            ", ".join(f"{metric} {figure:.1f}" for metric, figure in recipe.published.figures.items()),
            recipe.published.where,
        ]
        for recipe in RECIPES.values()
        if recipe.published is not None and "start" not in recipe.options
    ]
    return as_markdown(["recipe", "figures, %", "in"], rows)


def segmentation() -> str:
    """Published figures of the segmenters."""
    recipes = {recipe.make.__name__: recipe.name for recipe in RECIPES.values()}
    rows = [
        [
            f"`{recipes[row.base]}`",
            f"`{row.changes['model']}`",
            *(f"{row.figures[metric]:.1f}" for metric in SEGMENTATION),
            row.where,
        ]
        for row in TABLE
        if "MoF" in row.figures
    ]
    return as_markdown(["data set", "model", *SEGMENTATION, "in"], rows)


def studies() -> str:
    """The figures beside which `videomamba ablate` puts ours."""
    image_and_video = pretrain({"ImageNet-1K": "", "K400": ""}, {"ImageNet-1K": True, "K400": False})
    rows = [
        [f"`{study.name}`", variant.label, *("" if figure is None else f"{figure:.1f}" for figure in variant.published)]
        for study in (*STUDIES.values(), image_and_video, SHUFFLE)
        for variant in study.variants
        if any(variant.published)
    ]
    return as_markdown(["study", "row", *COLUMNS], rows)


def architecture() -> str:
    """What each folder of the package imports of the others, without what it reaches through one of them."""
    package = DOCS.parent / "videomamba"
    rooms = sorted(folder.parent.name for folder in package.glob("*/__init__.py"))
    below: dict[str, set[str]] = {room: set() for room in rooms}
    for room in rooms:
        for file in (package / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    continue
                module = getattr(node, "module", None) or ""
                for name in [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]:
                    below[room] |= {*name.split(".")[1:2]} & {*rooms} if name.startswith("videomamba.") else set()
        below[room].discard(room)

    def reached(room: str) -> set[str]:
        return set().union(*({there} | reached(there) for there in below[room]))

    lines = []
    for room in rooms:
        beyond = set().union(*(reached(there) for there in below[room]))
        lines += [f"  {room} --> {there}" for there in sorted(below[room] - beyond)]
    return "\n".join(["```mermaid", "graph TD", *lines, "```", ""])


PARTS = {part.__name__: part for part in (recognition, other_tasks, segmentation, studies, architecture)}


def generated(page: str) -> str:
    """The page's text with all its parts made anew."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", page)


if __name__ == "__main__":
    for file in (DOCS.parent / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))):
        text = file.read_text(encoding="utf-8")
        if (made := generated(text)) != text:
            file.write_text(made, encoding="utf-8")
            print(f"written: {file}")
