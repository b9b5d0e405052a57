"""Prefect's settings: what editmill wants where the user has said nothing."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

DEFAULTS = {
    # With it on, every start of a local server prints a long traceback about a locked database.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # A build must never wait for an answer.
    "PREFECT_CLI_PROMPT": "false",
    # Our packages log through plain `logging`, which a run's log page shows only for the loggers named here.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "editmill",
    # The same packages also log outside of runs, which is no mistake.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def apply_defaults(environment: MutableMapping[str, str] = os.environ) -> None:
    """Fill in the variables of ``DEFAULTS`` that are not set; Prefect reads them when it is first imported."""
    for name, value in DEFAULTS.items():
        environment.setdefault(name, value)
