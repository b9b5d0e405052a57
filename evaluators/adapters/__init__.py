"""One file per kind of classifier; each imports its framework only when a classifier is loaded."""

from __future__ import annotations
