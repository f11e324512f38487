"""The rules of the house: imports run downward only, in no circle, and the public names are there."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "videomamba"

# these import nothing of ours but the two that everything is checked and refused with
GROUND = {
    "checks",
    "errors",
    "extras",
    "files",
    "labels",
    "locks",
    "machine",
    "memory",
    "notes",
    "preprocessing",
    "shapes",
    "tables",
}
# what a room may import from beside the ground floor, each allowing all below it; `data` is a tower of its own
_MODELS = {"models", "nn", "ops"}
_TASKS = {"tasks", "data", *_MODELS}
_INFERENCE = {"inference", "viz", *_TASKS}
_ENGINE = {"engine", *_INFERENCE}
_RECIPES = {"recipes", *_ENGINE}
_EXPERIMENTS = {"experiments", *_RECIPES}
MAY_IMPORT = {
    "errors": set(),
    "checks": {"errors"},
    **{room: {"checks", "errors"} for room in GROUND - {"checks", "errors"}},
    "locks": {"errors", "notes"},
    "tables": {"files"},
    "ops": set(),
    "nn": {"ops"},
    "models": {"nn", "ops"},
    "data": set(),
    "viz": set(),
    "tasks": _TASKS,
    "benchmark": {"data", *_MODELS},
    "inference": _INFERENCE,
    "transformers": {"inference", *_TASKS},
    "exporters": _INFERENCE,
    "engine": _ENGINE,
    "recipes": _RECIPES,
    "experiments": {"viz", *_RECIPES},
    "app": {"viz", *_EXPERIMENTS},
    "cli": {"app", "benchmark", "exporters", *_EXPERIMENTS},
}


def imported_modules(file: Path) -> set[str]:
    """Dotted names of our modules that a file imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("videomamba"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("videomamba")}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_run_downward(file):
    here = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if here == "__init__":
        return  # the package's face may name anything
    for module in imported_modules(file):
        there = room(module)
        if there and there != here and (PACKAGE / there).is_dir() | (PACKAGE / f"{there}.py").is_file():
            assert there in MAY_IMPORT[here] | (GROUND - {here} if here not in GROUND else set()), module


def test_every_room_is_known():
    rooms = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if p.is_dir() or p.suffix == ".py"}
    assert rooms - {"__init__", "__pycache__", "py.typed"} <= set(MAY_IMPORT)


def test_the_engine_knows_no_concrete_task():
    for file in (PACKAGE / "engine").rglob("*.py"):
        for module in imported_modules(file):
            assert not module.startswith("videomamba.tasks.") or module.startswith("videomamba.tasks.task"), module


def test_the_engine_names_no_concrete_task_nor_data_set():
    """Not as a string either, nor a batch's entry that only some tasks have."""
    from videomamba.data.datasets import LAYOUTS
    from videomamba.tasks.catalogue import TASKS

    names = {*TASKS, *(task.__name__ for task in TASKS.values()), *LAYOUTS, "label", "boxes", "top1", "mAP", "MoF"}
    for file in (PACKAGE / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{file}:{node.lineno}: {node.value}"


def test_no_circles():
    """Between files: following imports never leads back."""
    graph = {}
    for file in FILES:
        parts = ("videomamba", *file.relative_to(PACKAGE).with_suffix("").parts)
        graph[".".join(parts).removesuffix(".__init__")] = {
            m if (PACKAGE.parent / Path(*m.split("."))).with_suffix(".py").is_file() else m.rsplit(".", 1)[0]
            for m in imported_modules(file)
        }
    state: dict[str, str] = {}

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert state.get(module) != "open", " -> ".join((*path, module))
        if state.get(module) == "done":
            return
        state[module] = "open"
        for target in graph.get(module, ()):
            if target != module:
                visit(target, (*path, module))
        state[module] = "done"

    for module in graph:
        if module != "videomamba":
            visit(module, ())


def test_files_are_short():
    for file in FILES:
        assert len(file.read_text().splitlines()) <= 320, f"{file} is long: is it one idea?"
