"""Measurement of every role on held-out scenes, against the bounds that the pack must hold."""

from __future__ import annotations

import importlib
from itertools import islice
from types import ModuleType

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.manifests.progress import Progress
from editmill.packs.tabletop.checks.common import held_out

# Checks of one file each in editmill.packs.tabletop.checks; those that generate pictures get fewer scenes.
RECOGNISING: tuple[str, ...] = (
    "autoencoder",
    "vq",
    "classifier",
    "classifier_vit",
    "classifier_weak",
    "zero_shot",
    "zero_shot_2",
    "evaluation_encoder",
    "image_encoder",
    "detector",
    "segmenter",
    "masked_lm",
    "causal_lm",
    "nli",
)
GENERATING: tuple[str, ...] = ("inpaint", "text_to_image", "controlnet", "image_adapter", "unconditional")
CHECKS = (*RECOGNISING, *GENERATING)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"editmill.packs.tabletop.checks.{name}")


def bounds() -> dict[str, float]:
    """Return the least value of each figure that has one."""
    return {figure: value for name in CHECKS for figure, value in getattr(_module(name), "BOUNDS", {}).items()}


def limits() -> dict[str, float]:
    """Return the largest value of each figure that has one."""
    return {figure: value for name in CHECKS for figure, value in getattr(_module(name), "LIMITS", {}).items()}


def shortfalls(figures: dict[str, float]) -> dict[str, float]:
    """Return the bounds and limits that measured figures miss."""
    below = {name: bound for name, bound in bounds().items() if name in figures and figures[name] < bound}
    above = {name: limit for name, limit in limits().items() if name in figures and figures[name] > limit}
    return below | above


def measure(
    pack: PackSpec, *, scenes: int = 500, edits: int = 64, checks: tuple[str, ...] = (), progress: bool = False
) -> dict[str, float]:
    """Measure roles on held-out scenes with one object.

    Args:
        pack: The embedded pack.
        scenes: How many scenes recognisers and reconstructions see.
        edits: How many scenes the checks that generate pictures use.
        checks: Names of the checks to run; all whose role the pack has when empty.
        progress: Show a progress bar.

    Returns:
        Figures by name, rounded to four digits: shares in [0, 1], PSNR in dB with a peak of 255, and what the checks'
        docstrings say.

    Raises:
        ModelError: A checkpoint is missing.
    """
    models = Models(pack, Placement(device="cpu"))
    recognised = list(islice(held_out(), max(scenes, edits)))
    figures: dict[str, float] = {}
    bar = Progress(checks or [name for name in CHECKS if name in pack.roles], disable=not progress)
    for name in bar:
        bar.set_description(name)
        figures |= _module(name).measure(models, recognised[: edits if name in GENERATING else scenes])
    return {name: round(float(value), 4) for name, value in figures.items()}
