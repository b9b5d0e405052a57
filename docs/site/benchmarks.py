"""The page of benchmarks, from the results that ``make bench`` and others keep as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.site.markdown import table

HEAD = """# Benchmarks

Every comparison runs both sides in one process, in turn, so that the ratio holds where the times do not: read ratios,
and times only beside each other. `make bench` runs them again and writes `docs/benchmarks/engine.json`, from which
`make docs` writes this page.

"""
APART = ("what", "ratio")


def benchmark_pages(root: Path) -> dict[str, str]:
    """Return the page by its path."""
    files = sorted((root / "docs/benchmarks").glob("*.json"))
    return {"docs/benchmarks.md": HEAD + "".join(_section(path.stem, json.loads(path.read_text())) for path in files)}


def _section(name: str, found: dict[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in found["versions"].items())
    rows = []
    for result in found["results"]:
        (first, one), (second, other) = [pair for pair in result.items() if pair[0] not in APART]
        rows.append((result["what"], first, f"{one:,.0f}", second, f"{other:,.0f}", f"{result['ratio']:.2f}"))
    head = ("what", "ours", "milliseconds", "compared with", "milliseconds", "times as fast")
    said = f"{found['machine']}, load {found['load']}. {versions}.\n\n"
    return f"## {name.capitalize()}\n\n{said}" + table(head, rows)
