"""Check the import graph: layers one way, no circles; ``make lint`` runs it and prints the graph of the folders."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = "editmill"
ALLOWED: dict[str, set[str]] = {
    "manifests": set(),
    "generators": {"manifests"},
    "packs": {"generators", "manifests"},
    "pipelines": {"generators", "packs", "manifests"},
    "evaluators": {"manifests"},
    "flows": {"evaluators", "pipelines", "generators", "packs", "manifests"},
}
# What a part may never import, whoever asks.
FORBIDDEN: dict[str, set[str]] = {part: {"prefect"} for part in ALLOWED if part != "flows"}
FORBIDDEN["manifests"] |= {"torch"}

# A family's folders in generators and evaluators are imported by nobody else, but for these: the embedded pack, whose
# checks and studies measure families, and the command that prints a watermark's keys. Registries name them as text.
FAMILIES = frozenset(path.parent.name for path in (ROOT / "generators").glob("*/family.py")) - {"base"}
OUTSIDE = (f"{NAME}.packs.tabletop.", f"{NAME}.flows.commands.keys")

Graph = Mapping[str, set[str]]


def module_name(path: Path) -> str:
    """Return the dotted name of a file below ``src``, or of one of the linked folders."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_trees(root: Path) -> dict[str, ast.Module]:
    """Return the syntax tree of every module by its name."""
    paths = (path for part in ALLOWED for path in sorted((root / part).rglob("*.py")))
    return {f"{NAME}.{module_name(path.relative_to(root))}": ast.parse(path.read_text(), str(path)) for path in paths}


def imported(tree: ast.AST) -> set[str]:
    """Return the dotted names that a module imports, also within functions and for types alone."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def part_of(name: str) -> str:
    """Return the layer that a module belongs to; what is not ours is its own."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == NAME and rest else first


def violations(trees: Mapping[str, ast.Module]) -> list[str]:
    """Return one line per import that goes the wrong way."""
    found = []
    for module, tree in trees.items():
        part, parts = part_of(module), {part_of(name) for name in imported(tree)}
        wrong = (parts & ALLOWED.keys()) - ALLOWED[part] - {part} | parts & FORBIDDEN.get(part, set())
        found += [f"{module}: {part} must not import {name}" for name in sorted(wrong)]
    return found


def strays(modules: Graph) -> list[str]:
    """Return one line per import of a family's folder from outside of it."""
    found = []
    for module, others in modules.items():
        homes = {home_of(other) for other in others} - {"", home_of(module)}
        if not module.startswith(OUTSIDE):
            found += [f"{module}: the family {home} is imported outside of its folders" for home in sorted(homes)]
    return found


def home_of(module: str) -> str:
    """Return the family whose folders a module lies in, or ""."""
    parts = module.split(".")
    return parts[2] if len(parts) > 2 and parts[1] in ("generators", "evaluators") and parts[2] in FAMILIES else ""


def module_graph(trees: Mapping[str, ast.Module]) -> Graph:
    """Return which modules of ours each module imports, also within functions and for types alone."""
    return {module: (imported(tree) & trees.keys()) - {module} for module, tree in trees.items()}


def folder_graph(modules: Graph, *, depth: int = 3) -> Graph:
    """Return the same between folders.

    ``depth`` counts the parts of a folder's name, the first of which is the package's.
    """
    graph: dict[str, set[str]] = {}
    for module, others in modules.items():
        graph.setdefault(folder_of(module, modules, depth), set()).update(
            folder_of(other, modules, depth) for other in others
        )
    return {folder: others - {folder} for folder, others in sorted(graph.items())}


def folder_of(module: str, modules: Graph, depth: int) -> str:
    """Return the folder that a module lies in, cut to ``depth`` parts."""
    package = any(other.startswith(f"{module}.") for other in modules)
    return ".".join((module if package else module.rpartition(".")[0]).split(".")[:depth])


def circle(graph: Graph) -> list[str]:
    """Return the names along one circle, or nothing where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def main() -> int:
    """Print the graph and what is wrong with it; return the exit code."""
    trees = read_trees(ROOT)
    modules = module_graph(trees)
    folders = folder_graph(modules)
    for folder, others in folders.items():
        print(
            f"{folder.removeprefix(f'{NAME}.'):28} -> "
            f"{', '.join(other.removeprefix(f'{NAME}.') for other in sorted(others)) or '-'}"
        )
    problems = [*violations(trees), *strays(modules)]
    for what, graph in (("modules", modules), ("folders", folders)):
        if found := circle(graph):
            problems.append(f"{what} import each other in a circle: {' -> '.join(found)}")
    print(
        "\n".join(problems) or f"{len(modules)} modules in {len(folders)} folders: imports go one way, without a circle"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
