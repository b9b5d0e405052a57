"""Evaluations that were written as JSON, with what models said of samples where it lies beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]
from pydantic import TypeAdapter, ValidationError

from editmill.evaluators.reporting import Shown
from editmill.manifests import Manifest, RequestError
from editmill.manifests.wording import first_problem

_COLUMNS = {"model", "key", "source_id", "edit", "replica", "score"}
_FIX = "write it by `editmill evaluate DATASET --format json --output E.json`, and by this version"


@dataclass(frozen=True)
class StoredEvaluation:
    """What an evaluation says, and what models said of samples; None where that is not known."""

    shown: Shown
    predictions: pa.Table | None


def read_evaluation(path: Path, manifest: Manifest) -> StoredEvaluation:
    """Read an evaluation of a dataset.

    Args:
        path: As ``evaluate --format json --output`` wrote it; predictions are in the parquet file of the same name.
        manifest: The dataset's.

    Raises:
        RequestError: It can't be read, is not an evaluation, or is one of another dataset.
    """
    try:
        document = json.loads(path.read_bytes())
        fingerprint, report = document["dataset"]["fingerprint"], document["report"]
        shown = TypeAdapter(Shown).validate_python(report)
    except ValidationError as error:
        raise RequestError(f"not an evaluation: {first_problem(error)}", where=str(path), fix=_FIX) from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RequestError("this file is not an evaluation in JSON", where=str(path), fix=_FIX) from error
    if fingerprint != manifest.fingerprint:
        what = f"this is an evaluation of another dataset, with the fingerprint {str(fingerprint)[:12]}…"
        raise RequestError(what, where=str(path), fix=f"evaluate {manifest.name} {manifest.version}")
    return StoredEvaluation(shown, _predictions(path.with_suffix(".parquet")))


def _predictions(path: Path) -> pa.Table | None:
    if not path.exists():
        return None
    try:
        with pq.ParquetFile(path) as parquet:
            table = parquet.read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise RequestError("predictions can't be read", where=str(path), fix="evaluate again, or remove it") from error
    if missing := sorted(_COLUMNS - set(table.column_names)):
        raise RequestError(
            f"predictions lack {', '.join(missing)}", where=str(path), fix="evaluate again, or remove it"
        )
    return table
