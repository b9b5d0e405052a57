"""Prefect flows and the command line. The only package that imports Prefect, and only inside its modules."""

from __future__ import annotations

from editmill.flows.settings import apply_defaults

__all__: list[str] = []

# Here, because every module of the package imports Prefect after this one.
apply_defaults()
