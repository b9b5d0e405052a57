"""Imports go one way: flows -> evaluators, pipelines -> generators, packs -> manifests; run by ``make lint``."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALLOWED: dict[str, set[str]] = {
    "manifests": set(),
    "generators": {"manifests"},
    "packs": {"generators", "manifests"},
    "pipelines": {"generators", "packs", "manifests"},
    "evaluators": {"manifests"},
    "flows": {"evaluators", "pipelines", "generators", "packs", "manifests"},
}
# What a package may never import, whoever asks.
FORBIDDEN: dict[str, set[str]] = {package: {"prefect"} for package in ALLOWED if package != "flows"}
FORBIDDEN["manifests"] |= {"torch"}


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of every absolute import in a module."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def violations(root: Path) -> list[str]:
    """One line per import that goes the wrong way."""
    found = []
    for package, allowed in ALLOWED.items():
        for path in sorted((root / package).rglob("*.py")):
            names = imported(ast.parse(path.read_text(), str(path)))
            wrong = (names & ALLOWED.keys()) - allowed - {package} | names & FORBIDDEN.get(package, set())
            found += [f"{path.relative_to(root)}: {package} must not import {name}" for name in sorted(wrong)]
    return found


if __name__ == "__main__":
    problems = violations(ROOT)
    print("\n".join(problems) or "imports go one way")
    sys.exit(bool(problems))
