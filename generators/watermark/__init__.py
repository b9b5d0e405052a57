"""Watermark regeneration: marks that the run itself embeds, and how they survive."""
