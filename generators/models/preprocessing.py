"""Image processors and tokenizers beside a role's weights."""

from __future__ import annotations

from typing import Any

from editmill.generators.models.loading import Models
from editmill.manifests.errors import ModelError

FIX = "download the whole folder"


def load_processor(models: Models, role: str) -> Any:
    """Return the image processor of ``role``.

    Raises:
        ModelError: Its files are missing or damaged.
    """
    from transformers import AutoImageProcessor

    folder = models.folder(role)
    try:
        return AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"the processor of {role!r} does not load: {error}", where=str(folder), fix=FIX) from error


def load_tokenizer(models: Models, role: str) -> Any:
    """Return the tokenizer of ``role``, which reads the signs of special tokens in a text as plain text.

    Raises:
        ModelError: Its files are missing or damaged.
    """
    from transformers import AutoTokenizer

    folder = models.folder(role)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, split_special_tokens=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"the tokenizer of {role!r} does not load: {error}", where=str(folder), fix=FIX) from error
    # Without files the library makes a tokenizer that knows its special tokens only.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ModelError(f"{role!r} has no tokenizer files", where=str(folder), fix=FIX)
    return tokenizer
