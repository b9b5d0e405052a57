"""The key bits behind the commitments of a dataset, for whoever holds its secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from editmill.manifests import DataError, Dataset
from editmill.manifests.errors import RequestError
from editmill.manifests.files import FileProblem
from editmill.manifests.payloads import make_payload, public_secret, read_secret, text_of

Revealed = tuple[str, str, str, int, str, str]


def reveal_keys(dataset: Dataset, secret_file: Path | None) -> Iterator[Revealed]:
    """Yield key id, source id, scheme, whether it was embedded (1) or belongs to a negative (0), bits and nonce of
    every key; each once. Keys of negatives follow from the recipe's seed, whatever the secret.

    Raises:
        DataError: The dataset holds no watermarks, or a row's commitment is not that of its key.
        RequestError: The secret is missing, unreadable or another one.
    """
    secrets = {True: _secret(dataset, secret_file), False: public_secret(dataset.manifest.recipe["seed"])}
    seen: set[tuple[str, str, bool]] = set()
    for row in dataset.table.select(["source_id", "parameters"]).to_pylist():
        parameters = json.loads(row["parameters"])
        # Rows of samples that failed have none; pictures that are rejected or withheld were read.
        if "detections" not in parameters:
            continue
        embedded = bool(parameters["watermark"])
        for mark in [parameters["watermark"]] if embedded else parameters["detections"]:
            place = (row["source_id"], mark["scheme"], embedded)
            if place in seen:
                continue
            seen.add(place)
            key = make_payload(secrets[embedded], *place[:2], length=mark["bits"], negative=not embedded)
            if (key.key_id, key.commitment) != (mark["key_id"], mark["commitment"]):
                what = f"the commitment of {mark['key_id']} is not that of its key"
                raise DataError(what, where=place[0], fix="the row was changed since it was built")
            yield key.key_id, *place[:2], int(embedded), text_of(key.bits), key.nonce


def _secret(dataset: Dataset, secret_file: Path | None) -> bytes:
    recipe = dataset.manifest.recipe
    if dataset.manifest.generator != "watermark":
        what = f"a dataset of {dataset.manifest.generator} edits has no keys"
        raise DataError(what, where=str(dataset.manifest.name))
    committed = recipe["generator"]["secret_sha256"]
    if secret_file is None:
        if committed:
            what = "the dataset was made with a secret of its own"
            raise RequestError(what, where="--secret", fix="give the file it was made with")
        return public_secret(recipe["seed"])
    try:
        secret = read_secret(secret_file)
    except FileProblem as problem:
        what = f"the secret can't be read: {problem}"
        raise RequestError(what, where="--secret", fix="give the file the dataset was made with") from problem
    if hashlib.sha256(secret).hexdigest() != committed:
        what = "this is not the secret the dataset was made with"
        fix = "its sha256 is in the recipe, over every byte: editors change line ends and add marks"
        raise RequestError(what, where=str(secret_file), fix=fix)
    return secret
