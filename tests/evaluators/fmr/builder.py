"""A dataset of latent ascents whose pixels say what a sample is, so that a classifier can be right or wrong on
purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from editmill.evaluators import EvaluatedModel
from editmill.generators.fmr.settings import FmrSettings
from editmill.manifests import (
    Dataset,
    ModelRecord,
    SampleRow,
    canonical_json,
    open_dataset,
    sample_key,
    shard_of,
    write_dataset_files,
    write_shard,
)
from tests.manifests.builder import CLASS_NAMES, NAME, encode_png, make_manifest, make_row, make_sources

MEMBERS = ("cls", "json", "png", "source.png")
SETTINGS = FmrSettings(networks=("vq",), targets=("first", "second"), budget=4)
PLANNED = SETTINGS.plan()
LABELS = [label for label, _ in PLANNED]
# Weights by role; the digest of an evaluated model says which of them it is.
DIGESTS = {"vq": "0" * 64, "first": "1" * 64, "second": "2" * 64, "zero_shot": "3" * 64}
Wrong = Callable[[int, str], bool]


class Marked:
    """Right but where ``wrong(source number, label of the planned sample)`` says so."""

    def __init__(self, name: str, wrong: Wrong = lambda number, label: False) -> None:
        self.name, self.wrong = name, wrong

    def predict(self, images: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.int64]:
        found = [tuple(int(value) for value in image[0, 0]) for image in images]
        return np.array(
            [(label + self.wrong(number, LABELS[step])) % len(CLASS_NAMES) for label, step, number in found], np.int64
        )


def model(name: str, wrong: Wrong = lambda number, label: False, *, digest: str = "") -> EvaluatedModel[Marked]:
    """A model whose weights are those of the role ``name``, or have ``digest``."""
    return EvaluatedModel(name, Marked(name, wrong), digest=digest or DIGESTS.get(name, "9" * 64))


def build(
    root: Path,
    *,
    sources: int = 8,
    ineligible: Collection[int] = (),
    fallback: Collection[int] = (),
    stuck: Collection[int] = (),
    report: str = "r",
) -> Dataset:
    """Write every planned sample of sources; those that are ``stuck`` never leave the round trip."""
    records = make_sources(sources)
    rows: list[SampleRow] = []
    members: dict[str, dict[str, bytes]] = {}
    for number, record in enumerate(records):
        for step, (label, edit) in enumerate(PLANNED):
            failed = number in ineligible and edit.name != "original"
            row = make_row(record, edit.name, reason="source_ineligible" if failed else "").model_copy(
                update={
                    "key": sample_key(record.id, label),
                    "generator": "fmr",
                    "level": edit.level,
                    "scores": {},
                    "candidates": (),
                    "shard": shard_of(record.id, 1),
                    "status": "failed" if failed else "ok",
                    "parameters": _parameters(
                        dict(edit.parameters),
                        failed,
                        number in fallback and edit.name != "original",
                        number in stuck,
                        report,
                    ),
                }
            )
            rows.append(row)
            if not failed:
                picture = encode_png(np.full((8, 8, 3), (row.label, step, number), np.uint8))
                members[row.key] = {
                    "png": picture,
                    "source.png": picture,
                    "cls": str(row.label).encode(),
                    "json": canonical_json({"key": row.key}),
                }
    samples = [(row, members.get(row.key, {})) for row in rows]
    stats = write_shard(
        root, samples, name=NAME, split="test", shard=0, fingerprint="f" * 64, members=MEMBERS, score_names=()
    )
    facts = {"cls": "x", "id": "", "revision": "", "dtype": "float32", "licence": ""}
    models = tuple(ModelRecord(role=role, digest=digest, **facts) for role, digest in DIGESTS.items())
    manifest = make_manifest(records, [stats]).model_copy(
        update={
            "generator": "fmr",
            "recipe": {"generator": SETTINGS.model_dump(mode="json")},
            "members": MEMBERS,
            "score_names": (),
            "models": models,
            "edits": tuple(dict.fromkeys(edit.name for _, edit in PLANNED)),
            "fingerprint": "f" * 64,
        }
    )
    write_dataset_files(root, manifest)
    return open_dataset(root)


def _parameters(edit: dict[str, Any], failed: bool, fallback: bool, stuck: bool, report: str) -> dict[str, Any]:
    budget = int(edit["budget"])
    looked = 0 if not edit["network"] else 1 if failed or fallback else 2 if stuck and budget else 1 + budget
    valid = 0 if failed or fallback else 1 if stuck and looked else looked
    return {
        **edit,
        "validation": {"looked": looked, "valid": valid},
        "fallback": fallback,
        "emitted": valid - 1 if not fallback else -1,
        "stop": "ineligible" if failed or fallback else "violated" if stuck and budget else "budget",
        "generator_overlap": False,
        "guard_overlap": False,
        "guard_report": report,
    }


def sources_of(label: str, numbers: Sequence[int]) -> Wrong:
    """Wrong on samples of one planned label, of some sources."""
    return lambda number, found: found == label and number in numbers
