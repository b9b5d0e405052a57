"""Names of licences: SPDX's, and those of the Hugging Face Hub."""

from __future__ import annotations

import re

UNKNOWN = "unknown"
_NAMES = (
    "Apache-2.0 MIT BSD-2-Clause BSD-3-Clause CC0-1.0 CC-BY-2.0 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 "
    "CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-SA-2.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 "
    "CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CDLA-Permissive-2.0 PDDL-1.0 ODbL-1.0 ODC-By-1.0"
)
_SPDX = {name.lower(): name for name in _NAMES.split(" ")}
# Elsewhere the Hub's name is that of SPDX in small letters.
_HUB = {"PDDL-1.0": "pddl", "ODbL-1.0": "odbl", "ODC-By-1.0": "odc-by"}


def licence_url(text: str) -> str:
    """Return SPDX's page of a licence, any other terms as they are, and ``unknown`` for none."""
    name = _SPDX.get(text.strip().lower())
    return f"https://spdx.org/licenses/{name}" if name else text.strip() or UNKNOWN


def hub_licence(text: str) -> dict[str, str]:
    """Return the fields of a dataset card: the Hub's name, or ``other`` and a name of its own."""
    if not text.strip():
        return {"license": UNKNOWN}
    if name := _SPDX.get(text.strip().lower()):
        return {"license": _HUB.get(name, name.lower())}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")[:60] or UNKNOWN}
