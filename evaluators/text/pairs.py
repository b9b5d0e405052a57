"""Models that read an image and a text together and say how well they go together: BLIP and ViLT with their matching heads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from evaluators.adapters.torch_support import pick_device
from manifests import ModelError
from manifests.weights import weights_digest

if TYPE_CHECKING:
    import torch

CLASSES = ("BlipForImageTextRetrieval", "ViltForImageAndTextRetrieval")


@dataclass(frozen=True)
class PairClassifier:
    """A pair classifier; ``scores`` are logits of "match"."""

    name: str
    digest: str
    model: Any
    processor: Any
    device: torch.device

    def scores(self, images: Sequence[Image.Image], texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """The logit of each (image, text) pair: float64 [pairs]."""
        import torch

        inputs = self.processor(images=list(images), text=list(texts), padding=True, truncation=True, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            output = self.model(**inputs)
        # BLIP's head tells "no" from "match"; ViLT's has the match alone.
        logits = output.itm_score if hasattr(output, "itm_score") else output.logits
        values = logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits[:, 0]
        return np.asarray(values.double().cpu().numpy())


def pair_class(folder: Path) -> str:
    """The class of a folder's pair classifier, or ``""``."""
    try:
        listed = json.loads((folder / "config.json").read_text()).get("architectures") or []
    except (OSError, ValueError):
        return ""
    return next((name for name in listed if name in CLASSES), "")


def load_pair_classifier(folder: Path, device: str) -> PairClassifier:
    """Load a folder of one of ``CLASSES``.

    Raises:
        ModelError: it does not load.
    """
    import torch
    import transformers

    name = pair_class(folder)
    processor_class = transformers.BlipProcessor if name == "BlipForImageTextRetrieval" else transformers.ViltProcessor
    try:
        processor = processor_class.from_pretrained(folder)
        model = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"cannot load the pair classifier: {reason}", where=str(folder), fix="give a folder with weights and processor") from error
    target = pick_device(device)
    return PairClassifier(f"transformers:{folder.resolve().name}", weights_digest(folder), model.eval().to(target), processor, target)
