"""Families of edits, by the kind of a recipe's generator."""

from __future__ import annotations

from editmill.pipelines.families.attribute import AttributeFamily
from editmill.pipelines.families.base import Builder, Built, Family, Setting
from editmill.pipelines.families.fmr import FmrFamily
from editmill.pipelines.families.synthesis import SynthesisFamily
from editmill.pipelines.families.text import TextFamily
from editmill.pipelines.families.watermark import WatermarkFamily
from editmill.pipelines.recipe import Recipe

__all__ = ["Builder", "Built", "Family", "Setting", "family_of"]

FAMILIES: dict[str, Family] = {
    "attribute": AttributeFamily(),
    "text": TextFamily(),
    "watermark": WatermarkFamily(),
    "fmr": FmrFamily(),
    "synthesis": SynthesisFamily(),
}


def family_of(recipe: Recipe) -> Family:
    """Return the family of a recipe's generator."""
    return FAMILIES[recipe.generator.kind]
