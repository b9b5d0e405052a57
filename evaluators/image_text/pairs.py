"""Models that read an image and a text together and say how well they go together: BLIP and ViLT with their matching
heads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray
from editmill.evaluators.adapters.requirements import refusing, shown_name
from editmill.evaluators.adapters.torch_support import pick_device
from editmill.evaluators.held_out import hub_id
from editmill.evaluators.image_text.networks import check_weights, digest_of, longer_than, quiet

if TYPE_CHECKING:
    import torch

CLASSES = ("BlipForImageTextRetrieval", "ViltForImageAndTextRetrieval")


@dataclass(frozen=True)
class PairClassifier:
    """A pair classifier; ``scores`` are logits of "match"."""

    name: str
    id: str
    digest: str
    model: Any
    processor: Any
    device: torch.device

    def scores(self, images: Sequence[Image.Image], texts: Sequence[str]) -> FloatArray:
        """Return the logit of each (image, text) pair: float64 [pairs]."""
        import torch

        options = {"padding": True, "truncation": True, "max_length": self._limit, "return_tensors": "pt"}
        inputs = self.processor(images=list(images), text=list(texts), **options).to(self.device)
        with torch.inference_mode():
            output = self.model(**inputs)
        # BLIP's head tells "no" from "match"; ViLT's has the match alone.
        logits = output.itm_score if hasattr(output, "itm_score") else output.logits
        values = logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits[:, 0]
        return np.asarray(values.double().cpu().numpy())

    def cut(self, texts: Sequence[str]) -> BoolArray:
        """Return which texts are longer than the model reads: bool [texts]."""
        return longer_than(self._limit, self.processor.tokenizer, texts)

    @property
    def _limit(self) -> int:
        positions = self.model.config.get_text_config().max_position_embeddings
        return int(min(self.processor.tokenizer.model_max_length, positions))


def pair_class(folder: Path) -> str:
    """Return the class of a folder's pair classifier, or ``""``."""
    try:
        listed = json.loads((folder / "config.json").read_text()).get("architectures") or []
    except (OSError, ValueError):
        return ""
    return next((name for name in listed if name in CLASSES), "")


def load_pair_classifier(folder: Path, device: str) -> PairClassifier:
    """Load a folder of one of ``CLASSES``.

    Raises:
        ModelError: It does not load.
    """
    import torch
    import transformers

    name = pair_class(folder)
    processor_class = transformers.BlipProcessor if name == "BlipForImageTextRetrieval" else transformers.ViltProcessor
    fix = "give a folder with weights and processor"
    with refusing("cannot load the pair classifier", where=str(folder), fix=fix), quiet():
        processor = processor_class.from_pretrained(folder)
        # A caption that holds the sign of a special token is text as any other.
        processor.tokenizer.split_special_tokens = True
        loader = getattr(transformers, name).from_pretrained
        model, report = loader(folder, dtype=torch.float32, output_loading_info=True)
    check_weights(model, report, str(folder))
    target, where = pick_device(device), str(folder)
    digest, network = digest_of(where, model), model.eval().to(target)
    return PairClassifier(shown_name(where), hub_id(where), digest, network, processor, target)
