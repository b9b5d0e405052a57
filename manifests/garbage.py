"""Python's search for garbage in a process that loads model libraries."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Look for garbage in cycles seldom.

    Model libraries are a million objects that stay, and every look passes many of them: with Python's own limits an
    import of torch, transformers and diffusers takes a fifth longer.
    """
    gc.set_threshold(10_000, 50, 50)
