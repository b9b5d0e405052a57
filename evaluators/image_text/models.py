"""Image-text models under test, and how a user names one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray
from editmill.evaluators.adapters.hub import is_local
from editmill.evaluators.adapters.requirements import refusing, require, shown_name
from editmill.evaluators.adapters.torch_support import pick_device
from editmill.evaluators.held_out import hub_id
from editmill.evaluators.image_text.networks import check_weights, digest_of, longer_than, quiet
from editmill.evaluators.image_text.pairs import PairClassifier, load_pair_classifier, pair_class
from editmill.manifests import ModelError
from editmill.manifests.errors import first_line

if TYPE_CHECKING:
    import torch

FORMS = "pack:NAME/ROLE, transformers:FOLDER_OR_HUB_ID or package.module:function"


class TextModel(Protocol):
    """What an evaluation of captions needs of a model.

    Attributes:
        name: Shown in tables.
        id: On the hub; "" where it is not known.
        digest: Of its weights, as manifests have it; "" where it is not known.
    """

    @property
    def name(self) -> str: ...

    @property
    def id(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def images(self, images: Sequence[Image.Image]) -> FloatArray:
        """Return features of RGB images: [images, features], of length 1."""

    def texts(self, texts: Sequence[str]) -> FloatArray:
        """Return features of texts: [texts, features], of length 1."""

    def cut(self, texts: Sequence[str]) -> BoolArray | None:
        """Return which texts are longer than the model reads: bool [texts]; None where it can't be told."""


@dataclass(frozen=True)
class DualEncoder:
    """A CLIPModel, SiglipModel, Siglip2Model or VisionTextDualEncoderModel of transformers."""

    name: str
    id: str
    digest: str
    model: Any
    processor: Any
    tokenizer: Any
    device: torch.device

    def images(self, images: Sequence[Image.Image]) -> FloatArray:
        """See `TextModel`."""
        import torch

        # Beside the pixels, SigLIP 2 is told which patches a picture has.
        inputs = self.processor(images=list(images), return_tensors="pt").to(self.device)
        with torch.inference_mode():
            return _normalised(self.model.get_image_features(**inputs))

    def texts(self, texts: Sequence[str]) -> FloatArray:
        """See `TextModel`."""
        import torch

        siglip = self.model.config.model_type.startswith("siglip")
        # SigLIP was trained on small letters, which the tokenizer of its second version does not make of large ones.
        given = [text.lower() if siglip else text for text in texts]
        tokens = self.tokenizer(
            given, padding="max_length", max_length=self._limit, truncation=True, return_tensors="pt"
        ).to(self.device)
        # It reads the last position, padding or not, and was trained without a mask.
        inputs = {"input_ids": tokens.input_ids} if siglip else dict(tokens)
        with torch.inference_mode():
            return _normalised(self.model.get_text_features(**inputs))

    def cut(self, texts: Sequence[str]) -> BoolArray:
        """See `TextModel`."""
        return longer_than(self._limit, self.tokenizer, texts)

    @property
    def _limit(self) -> int:
        # A tokenizer without a limit of its own has one of 10^30.
        return int(min(self.tokenizer.model_max_length, self.model.config.text_config.max_position_embeddings))


@dataclass(frozen=True)
class FunctionModel:
    """A user's function ``f(images=None, texts=None)`` that returns features of whichever is given."""

    name: str
    function: Any
    id: str = ""
    digest: str = ""

    def images(self, images: Sequence[Image.Image]) -> FloatArray:
        """See `TextModel`."""
        return self._ask(images=[np.asarray(image) for image in images], count=len(images))

    def texts(self, texts: Sequence[str]) -> FloatArray:
        """See `TextModel`."""
        return self._ask(texts=list(texts), count=len(texts))

    def cut(self, texts: Sequence[str]) -> None:
        """See `TextModel`."""

    def _ask(self, *, count: int, **given: Any) -> FloatArray:
        try:
            features = np.asarray(self.function(**given), dtype=np.float64)
        except Exception as error:
            what = f"the function failed: {type(error).__name__}: {first_line(error)}"
            raise ModelError(what, where=self.name, fix="it is called as f(images=[...]) and f(texts=[...])") from error
        if features.ndim != 2 or len(features) != count or not np.isfinite(features).all():
            what = f"the function returned shape {features.shape} for {count} {next(iter(given))}"
            raise ModelError(what, where=self.name, fix="return finite features [n, features]")
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        if not lengths.all():
            what = f"the function returned zeros alone for one of {count} {next(iter(given))}"
            raise ModelError(what, where=self.name, fix="return features that have a direction")
        return np.asarray(features / lengths)


def load_text_model(spec: str, *, device: str = "auto") -> TextModel | PairClassifier:
    """Load a model by name.

    Forms of ``spec``:
        - ``transformers:FOLDER_OR_ID``: a CLIPModel, SiglipModel or VisionTextDualEncoderModel with tokenizer and image
          processor; or the folder of a BlipForImageTextRetrieval or ViltForImageAndTextRetrieval, which classify pairs.
        - ``package.module:function``: your own function; called as ``f(images=[uint8 [H, W, 3], …])`` and
            ``f(texts=[…])``, it returns features.

    Raises:
        ModelError: The form is unknown, or a package, file or function is missing or does not fit.
    """
    kind, colon, rest = spec.partition(":")
    if not colon or not rest or "/" in kind:
        raise ModelError(f"{spec!r} names no image-text model", where="--model", fix=f"give {FORMS}")
    if kind == "transformers":
        if pair_class(Path(rest)):
            return load_pair_classifier(Path(rest), device)
        return _load_transformers(rest, device)
    from importlib import import_module

    try:
        return FunctionModel(spec, getattr(import_module(kind), rest))
    except (ImportError, AttributeError) as error:
        raise ModelError(f"there is no function {spec!r}: {error}", where="--model", fix=f"give {FORMS}") from error


def _load_transformers(rest: str, device: str) -> DualEncoder:
    require("transformers", wanted_by=f"transformers:{rest}")
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    fix = "give the folder of a CLIP, SigLIP or dual encoder model with its tokenizer and image processor, or a hub id"
    local = is_local(rest)
    with refusing("cannot load an image-text model", where=rest, fix=f"{fix} within reach"), quiet():
        processor = AutoImageProcessor.from_pretrained(rest, local_files_only=local)
        # A caption that holds the sign of a special token is text as any other.
        tokenizer = AutoTokenizer.from_pretrained(rest, local_files_only=local, split_special_tokens=True)
        load = AutoModel.from_pretrained
        model, report = load(rest, dtype=torch.float32, output_loading_info=True, local_files_only=local)
    if not hasattr(model, "get_image_features") or not hasattr(model, "get_text_features"):
        what = f"{type(model).__name__} gives no features of images and texts"
        raise ModelError(what, where=rest, fix="give a CLIP-like model")
    check_weights(model, report, rest)
    target, digest = pick_device(device), digest_of(rest, model)
    network = model.eval().to(target)
    return DualEncoder(shown_name(rest), hub_id(rest), digest, network, processor, tokenizer, target)


def _normalised(features: Any) -> FloatArray:
    import torch

    # transformers 5 returns an object that holds the features; other classes may return them themselves.
    tensor = features if isinstance(features, torch.Tensor) else features.pooler_output
    values = tensor.double().cpu().numpy()
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))
