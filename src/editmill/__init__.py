"""Robustness benchmarks by generative editing: build datasets, read them, evaluate on them.

The names of ``__all__`` are the public face. Each is imported when it is first used, so that ``import editmill`` loads
neither a model library nor Prefect, and reading a dataset needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from editmill.evaluators import evaluate, render, report
    from editmill.generators.models.placement import Placement
    from editmill.manifests.errors import DataError, EditmillError, RequestError
    from editmill.manifests.manifest import read_manifest
    from editmill.manifests.reader import Dataset, Sample, open_dataset
    from editmill.manifests.verify import verify_dataset
    from editmill.pipelines.build import build, prepare
    from editmill.pipelines.plan import Plan, make_plan
    from editmill.pipelines.recipe import Recipe, load_recipe

__all__ = [
    "DataError",
    "Dataset",
    "EditmillError",
    "Placement",
    "Plan",
    "Recipe",
    "RequestError",
    "Sample",
    "build",
    "evaluate",
    "load_recipe",
    "make_plan",
    "open_dataset",
    "prepare",
    "read_manifest",
    "render",
    "report",
    "verify_dataset",
]

_HOMES = {
    "evaluators": ("evaluate", "render", "report"),
    "generators.models.placement": ("Placement",),
    "manifests.errors": ("DataError", "EditmillError", "RequestError"),
    "manifests.manifest": ("read_manifest",),
    "manifests.reader": ("Dataset", "Sample", "open_dataset"),
    "manifests.verify": ("verify_dataset",),
    "pipelines.build": ("build", "prepare"),
    "pipelines.plan": ("Plan", "make_plan"),
    "pipelines.recipe": ("Recipe", "load_recipe"),
}
_HOME = {name: f"editmill.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'editmill' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
