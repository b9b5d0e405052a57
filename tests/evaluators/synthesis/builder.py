"""A dataset of two conditionings and the control, with holes."""

from __future__ import annotations

from pathlib import Path

from editmill.manifests import Dataset
from tests.evaluators.builder import build

PLAN = (("original", 0.0, 0), ("text", 0.0, 0), ("image", 0.0, 0), ("image", 0.0, 1))
RECIPE = {"generator": {"kind": "synthesis"}, "calibration": {"seed": 0}}


def build_synthesis(
    root: Path, *, sources: int = 12, rejected: tuple[tuple[int, str], ...] = ((0, "text"), (3, "text"))
) -> Dataset:
    """Every planned sample but the ``rejected`` pairs of source number and conditioning, each with one candidate."""
    dataset = build(root, sources=sources, plan=PLAN, rejected=rejected)
    dataset.manifest = dataset.manifest.model_copy(update={"generator": "synthesis", "recipe": RECIPE})
    return dataset
