"""The embedded pack: a procedural world, training scripts and trained weights."""

from __future__ import annotations

from pathlib import Path

PACK = Path(__file__).parent / "tabletop.yaml"
