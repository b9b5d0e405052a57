"""Which extra brings a package that is not installed."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

# Distributions that a module's first name does not tell.
PACKAGES = {"editmill.packs.tabletop": "editmill-tabletop"}
DISTRIBUTIONS = {"cv2": "opencv-python", "imwatermark": "invisible-watermark", "yaml": "pyyaml", "pil": "pillow"}
REQUIREMENT = re.compile(r"""^([\w.-]+).*;.*extra\s*==\s*['"]([\w-]+)['"]""")


def extra_of(module: str) -> str:
    """Return the extra of editmill that installs a module, "" where there is none; of several the first."""
    top = module.partition(".")[0].lower()
    inner = next((name for package, name in PACKAGES.items() if f"{module}.".startswith(f"{package}.")), top)
    if inner == "editmill":
        return ""
    wanted = _normal(DISTRIBUTIONS.get(inner, inner))
    try:
        lines = requires("editmill") or []
    except PackageNotFoundError:
        return ""
    found = (REQUIREMENT.match(line) for line in lines)
    return next((match[2] for match in found if match and _normal(match[1]) == wanted), "")


def _normal(name: str) -> str:
    # Names of distributions compare like this (PEP 503).
    return re.sub(r"[-_.]+", "-", name).lower()
