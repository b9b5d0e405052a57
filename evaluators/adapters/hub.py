"""Whether the Hugging Face hub can be asked for a model."""

from __future__ import annotations

from pathlib import Path

from editmill.manifests import ModelError
from editmill.manifests.errors import first_line

# The library itself tries six times per file, and says so each time.
SECONDS = 5.0


def is_local(model: str) -> bool:
    """Return whether a model is loaded without the hub: what is no hub id, and one of its cache where no hub answers.

    Args:
        model: A folder or a hub id.

    Raises:
        ModelError: The hub does not answer, and its cache does not have the model.
    """
    if Path(model).exists() or not _is_id(model):
        return True
    problem = _ask_hub()
    if not problem:
        return False
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(model, local_files_only=True)
    except OSError as error:
        what = f"the hub can't be reached, and its cache does not have the model: {problem}"
        fix = f"give a folder, or run 'hf download {model}' where there is a network and copy the hub's cache"
        raise ModelError(what, where=model, fix=fix) from error
    return True


def _is_id(model: str) -> bool:
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(model)
    except HFValidationError:
        return False
    return True


def _ask_hub() -> str:
    """Return why the hub does not answer, or ``""``; any answer will do."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=SECONDS)
    except Exception as error:  # The library's HTTP client, and so what it raises, differs from version to version.
        return first_line(error)
    return ""
