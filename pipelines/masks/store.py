"""Mask files that carry what is known of them, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from editmill.manifests.arrays import Mask
from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json
from editmill.manifests.files import FileProblem, read_bytes
from editmill.manifests.pictures import MOST_BYTES, PictureError, decode
from editmill.pipelines.masks.proposals import Proposal

ENTRY = "editmill-mask"
ACCEPTED, REFUSED = "masks", "refused"


@dataclass(frozen=True)
class MaskStore:
    """Accepted masks in ``masks/``, refused ones in ``refused/``, as grey PNG files with 255 on the object."""

    root: Path

    def find(self, name: str, key: str) -> Proposal | None:
        """Return the stored proposal that was made from the same photograph, prompt and models.

        A damaged file counts as none.
        """
        for folder in (ACCEPTED, REFUSED):
            found = _read(self.root / folder / f"{name}.png", key)
            if found is not None:
                return found
        return None

    def put(self, name: str, key: str, proposal: Proposal, *, accepted: bool) -> str:
        """Store a proposal; returns its path relative to the root.

        One that was on the other side of the gate before moves.
        """
        folder, other = (ACCEPTED, REFUSED) if accepted else (REFUSED, ACCEPTED)
        path = self.root / folder / f"{name}.png"
        if _read(path, key) is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, _encode(key, proposal))
        # After the write: a run that stops in between leaves two masks, not none.
        (self.root / other / f"{name}.png").unlink(missing_ok=True)
        return f"{folder}/{name}.png"


def _encode(key: str, proposal: Proposal) -> bytes:
    facts = {
        "key": key,
        "source": proposal.source,
        "score": proposal.score,
        "stability": proposal.stability,
        "largest": proposal.largest,
    }
    entry = PngInfo()
    entry.add_text(ENTRY, canonical_json(facts).decode())
    buffer = io.BytesIO()
    Image.fromarray(np.where(proposal.mask, 255, 0).astype(np.uint8)).save(buffer, "PNG", pnginfo=entry)
    return buffer.getvalue()


def _read(path: Path, key: str) -> Proposal | None:
    try:
        mask, facts = decode(read_bytes(path, most=MOST_BYTES), _mask_and_facts)
        return Proposal(mask=mask, **facts) if facts.pop("key") == key else None
    except (FileProblem, PictureError, AttributeError, KeyError, TypeError):
        return None


def _mask_and_facts(image: Image.Image) -> tuple[Mask, Any]:
    return np.asarray(image) > 127, json.loads(image.info[ENTRY])
