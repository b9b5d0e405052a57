"""The evaluators by the family whose datasets they measure; installed packages may add to them."""

from __future__ import annotations

from typing import Any

from editmill.evaluators.base import Evaluator, Exporter
from editmill.manifests import Manifest, RequestError
from editmill.manifests.plugins import Registry, require


def _check_evaluator(name: str, evaluator: Any) -> None:
    require(isinstance(evaluator, Evaluator), "an object of a subclass of Evaluator is expected")
    require(evaluator.kind == name, f"it calls itself {evaluator.kind!r}; give entry point and object one name")


EVALUATORS: Registry[Evaluator[Any]] = Registry(
    "editmill.evaluators",
    "evaluator",
    {
        name: f"editmill.evaluators.{name}.evaluator:EVALUATOR"
        for name in ("attribute", "text", "watermark", "fmr", "synthesis")
    },
    _check_evaluator,
)


def _check_layout(name: str, layout: Any) -> None:
    require(isinstance(layout, Exporter), "an Exporter is expected")


# For datasets of every family; those of one family are its evaluator's ``exports``.
LAYOUTS: Registry[Exporter] = Registry(
    "editmill.layouts",
    "layout",
    {
        name: f"editmill.evaluators.layouts.{module}:LAYOUT"
        for name, module in (
            ("clip-benchmark", "clip_benchmark"),
            ("coco", "coco"),
            ("dali", "dali"),
            ("imagefolder", "image_folder"),
            ("paired-folders", "paired_folders"),
        )
    },
    _check_layout,
)


def evaluator_of(manifest: Manifest) -> Evaluator[Any]:
    """Return what measures a dataset: its family's own evaluator.

    Raises:
        RequestError: The family has no evaluator. Another family's would give numbers that mean something else.
    """
    if manifest.generator in EVALUATORS:
        return EVALUATORS.get(manifest.generator)
    what = f"there is no evaluator for datasets of the family {manifest.generator!r}"
    fix = f"install the package that brings it; there are evaluators for {', '.join(EVALUATORS.names())}"
    raise RequestError(what, where=manifest.name, fix=fix)


def exporters() -> dict[str, Exporter]:
    """Return what writes datasets for other loaders, by the name of the layout."""
    found: dict[str, Exporter] = dict(LAYOUTS.loaded())
    for evaluator in EVALUATORS.loaded().values():
        # The first to bring a name keeps it, so that no package takes one of ours over.
        found = {**evaluator.exports, **found}
    return found
