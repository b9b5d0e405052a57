"""Families of edits, by the kind of a recipe's generator."""

from __future__ import annotations

from pipelines.families.attribute import AttributeFamily
from pipelines.families.base import Builder, Built, Family, Setting
from pipelines.families.fmr import FmrFamily
from pipelines.families.synthesis import SynthesisFamily
from pipelines.families.text import TextFamily
from pipelines.families.watermark import WatermarkFamily
from pipelines.recipe import Recipe

__all__ = ["Builder", "Built", "Family", "Setting", "family_of"]

FAMILIES: dict[str, Family] = {
    "attribute": AttributeFamily(), "text": TextFamily(), "watermark": WatermarkFamily(), "fmr": FmrFamily(), "synthesis": SynthesisFamily(),
}


def family_of(recipe: Recipe) -> Family:
    """The family of a recipe's generator."""
    return FAMILIES[recipe.generator.kind]
