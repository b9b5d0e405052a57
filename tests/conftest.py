"""What all tests share: one thread per process, and hypothesis without a deadline."""

from __future__ import annotations

import os

from hypothesis import settings

# Tiny networks spend seconds instead of milliseconds on waking threads when other work fills the cores. Read when torch
# is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
