"""Which code and which packages built a dataset."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from editmill.pipelines.recipe import Recipe
from editmill.pipelines.registry import FAMILIES, GUARDS, PACKS
from editmill.pipelines.sources.registry import SOURCES

PACKAGES = (
    "accelerate",
    "blind-watermark",
    "diffusers",
    "invisible-watermark",
    "numpy",
    "onnxruntime",
    "opencv-python",
    "pillow",
    "pyarrow",
    "pywavelets",
    "torch",
    "transformers",
    "webdataset",
)


def code_version() -> str:
    """Return the version of the installed distribution, or ``0+source`` for a bare checkout."""
    return _version("editmill") or "0+source"


@cache
def code_commit() -> str:
    """Return the commit of the checkout that runs, with ``-dirty`` for changes.

    An installed package has ``EDITMILL_CODE_COMMIT``, which images set, or "". Asked once: what is changed later is not
    what runs.
    """
    root = Path(__file__).resolve().parents[1]
    # Asked in an installed package, git would describe a repository that happens to lie above it.
    if not (root / ".git").exists():
        return os.environ.get("EDITMILL_CODE_COMMIT", "")
    try:
        run = subprocess.run(
            # No tag may take the place of the commit, hence the exclusion.
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout.strip()


def environment() -> dict[str, str]:
    """Return the versions of the packages whose code touches pixels or bytes."""
    return {name: found for name in PACKAGES if (found := _version(name))}


def full_environment(recipe: Recipe) -> dict[str, str]:
    """Return all versions that a manifest names."""
    return dict(sorted({**environment(), **plugins(recipe)}.items()))


def plugins(recipe: Recipe) -> dict[str, str]:
    """Return the versions of the distributions that bring what a recipe names by entry points."""
    named = [
        FAMILIES.package(recipe.generator.kind),
        SOURCES.package(recipe.source.kind),
        PACKS.package(recipe.models),
        *(GUARDS.package(entry.name) for entry in recipe.guards),
    ]
    return {name: version for found in named for name, version in found.items()}


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
