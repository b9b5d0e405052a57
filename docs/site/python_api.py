"""The reference of the Python API: one entry per public name, which mkdocstrings fills from its docstring."""

from __future__ import annotations

import editmill

HEAD = """# Python

The public names, each imported when it is first used: `import editmill` loads neither torch nor Prefect. Families,
sources, guards and evaluators of your own build on the base classes that [adding.md](../adding.md) walks through.

"""


def python_pages() -> dict[str, str]:
    """Return the page by its path."""
    return {"docs/reference/python.md": HEAD + "".join(f"::: editmill.{name}\n\n" for name in editmill.__all__)}
