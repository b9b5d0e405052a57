"""One try at an edit of an object, and what came out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from editmill.generators.base.edits import Edit
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.compositing.fill_quality import Removal
from editmill.manifests.arrays import Mask, Picture


@dataclass(frozen=True)
class EditJob:
    """One attempt at one edit. ``partner`` is the second source of edits that need one."""

    key: str
    source: LoadedSource
    edit: Edit
    seed: int
    attempt: int = 0
    partner: LoadedSource | None = None


@dataclass(frozen=True)
class Candidate:
    """The outcome of one job.

    Attributes:
        image: Edited picture, uint8 [H, W, 3] RGB; None when ``failure`` says why there is none.
        alpha: Share of the object per pixel, uint8 [H, W]; 255 where the object's bytes are kept exactly.
        reference: The transformed source, uint8 [H, W, 3] RGB, equal to ``image`` wherever ``alpha`` is 255.
        removed: The background that the object was laid on, where another object was removed from it, uint8 [H, W, 3]
            RGB; None elsewhere.
        removal: The same as it was made, before it was cut to the frame; None elsewhere, and where it is generated
            anew.
        parameters: Realised values for the sample's row and JSON.
        cost: Network evaluations spent.
        failure: A reason from the closed list, or "".
        detail: What happened, for a person.
        window: What the picture shows all over, uint8 [H, W, 3] RGB; None where its background was made.
    """

    image: Picture | None
    alpha: Mask | None = None
    reference: Picture | None = None
    removed: Picture | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    cost: int = 0
    failure: str = ""
    detail: str = ""
    window: Picture | None = None
    removal: Removal | None = None
