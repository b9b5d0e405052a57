"""Networks of transformers under test: loading them without a word of the library's, and refusing weights that do not
fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from editmill.evaluators.adapters.arrays import BoolArray
from editmill.manifests import ModelError
from editmill.manifests.weights import weights_digest

# They scale similarities, and features and matching heads do without them.
UNUSED = ("logit_scale", "logit_bias")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the library's bar, which would tear that of the evaluation, and its table of weights that do not fit,
    which `check_weights` refuses.
    """
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def check_weights(network: Any, report: Mapping[str, Any], where: str) -> None:
    """Refuse a network that ``from_pretrained`` would complete with random weights, or that leaves out layers of the
    weights.

    Args:
        network: The loaded network.
        report: Its ``output_loading_info``.
        where: What the user named.

    Raises:
        ModelError: A tensor is missing, or one belongs to a part of the network that has no place for it.
    """
    missing = sorted(name for name in report["missing_keys"] if name.rpartition(".")[2] not in UNUSED)
    # Heads of other tasks that a checkpoint may hold beside the network are not part of it.
    spare = sorted(name for name in report["unexpected_keys"] if hasattr(network, name.partition(".")[0]))
    if not missing and not spare:
        return
    said = [f"lack {len(missing)} tensors, first {missing[0]!r}"] if missing else []
    said += [f"hold {len(spare)} that have no place in it, first {spare[0]!r}"] if spare else []
    fix = "give a folder or hub id whose config.json and weights belong together"
    what = f"the weights do not fit {type(network).__name__}: they {' and '.join(said)}"
    raise ModelError(what, where=where, fix=fix)


def digest_of(name: str, network: Any) -> str:
    """Return the digest of a folder, or of what the hub's cache holds of an id; ``""`` where it has nothing."""
    folder = Path(name)
    if folder.is_dir():
        return weights_digest(folder)
    from huggingface_hub import snapshot_download

    try:
        return weights_digest(
            # Nothing is fetched: what was loaded lies in the cache.
            Path(snapshot_download(name, revision=getattr(network.config, "_commit_hash", None), local_files_only=True))
        )
    except OSError:
        return ""


def longer_than(limit: int, tokenizer: Any, texts: Sequence[str]) -> BoolArray:
    """Return which texts have more tokens than ``limit``, those that the tokenizer adds at the ends included."""
    # Not verbose: it would warn of the long texts that it is asked for.
    return np.array([len(tokens) > limit for tokens in tokenizer(list(texts), verbose=False).input_ids], bool)
