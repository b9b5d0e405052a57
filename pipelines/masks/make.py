"""Making a folder source with masks from one without."""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch

from editmill.generators.base.loaded import Unusable
from editmill.generators.models.checkpoints import model_record
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Picture
from editmill.manifests.atomic import atomic_write, remove_stale_temporaries
from editmill.manifests.canonical import digest
from editmill.manifests.errors import EditmillError, OccupiedError, RequestError
from editmill.manifests.progress import Progress
from editmill.manifests.records import ModelRecord
from editmill.pipelines.masks.gate import MaskLimits, judge_proposal
from editmill.pipelines.masks.prompts import Prompt, fit_to_frame, read_prompt
from editmill.pipelines.masks.proposals import Proposal, Proposer
from editmill.pipelines.masks.refusal import Refusal, Refused
from editmill.pipelines.masks.store import MaskStore
from editmill.pipelines.sources.reading import decode_picture, read_bytes
from editmill.pipelines.sources.table import Row, Table, class_name, identities, read_table

# Raised whenever the same photograph, prompt and models may give another mask.
VERSION = 1
LABELS, REFUSALS = "labels.csv", "refused.csv"
ADDED = ("mask_source", "mask_score", "mask_stability", "mask_model")
WHY = ("reason", "detail")

Choice = Literal["columns", "automatic", "detector"]
logger = logging.getLogger("editmill.masks")


@dataclass
class MadeMasks:
    """The outcome: rows of ``labels.csv`` and of ``refused.csv``, and how many masks an earlier run had made."""

    accepted: list[Row] = field(default_factory=list)
    refused: list[Row] = field(default_factory=list)
    reused: int = 0

    def sources(self) -> dict[str, int]:
        """Return accepted rows by where their mask comes from."""
        return dict(sorted(Counter(row["mask_source"] for row in self.accepted).items()))

    def reasons(self) -> dict[str, int]:
        """Count refused rows by reason, the most frequent first."""
        return dict(Counter(row["reason"] for row in self.refused).most_common())


def make_masks(
    labels: Path,
    models: Models,
    target: Path,
    *,
    choice: Choice = "columns",
    limits: MaskLimits | None = None,
    progress: bool = False,
) -> MadeMasks:
    """Write ``labels.csv``, ``refused.csv``, ``masks/`` and ``refused/`` into ``target``.

    Rows that have a mask keep it.

    Args:
        labels: A folder source's CSV file; the column ``mask`` may be missing or have empty cells.
        models: Models with the role ``segmenter``; ``zero_shot`` helps the automatic choice, ``detector`` is for the
            choice of that name.
        target: A folder, new or of an earlier run, whose masks are used again where photograph, prompt and models are
            the same.
        choice: Prompts from the columns, or everything automatic, or boxes that the detector finds for the class name.
        limits: The quality gate.
        progress: Whether to show a bar.

    Raises:
        SourceError: The CSV file can't be used.
        OccupiedError: The target holds another labels file.
        ModelError: A role or its checkpoint is missing.
    """
    table = _usable_table(labels)
    _check_target(labels, target)
    remove_stale_temporaries(target)
    maker = MaskMaker(table, models, target, choice=choice, limits=limits or MaskLimits())
    made = maker.run(progress=progress)
    columns = (
        "file",
        "mask",
        # The input may be what an earlier run wrote, and have these columns already.
        *(column for column in table.columns if column not in ("file", "mask", *ADDED, *WHY)),
        *ADDED,
    )
    target.mkdir(parents=True, exist_ok=True)
    atomic_write(target / REFUSALS, _to_csv((*columns, *WHY), made.refused))
    atomic_write(target / LABELS, _to_csv(columns, made.accepted))
    return made


class MaskMaker:
    """Makes the masks of one labels file."""

    def __init__(self, table: Table, models: Models, target: Path, *, choice: Choice, limits: MaskLimits) -> None:
        self.table, self.target, self.choice, self.limits = table, target, choice, limits
        self.store, self.names = (
            MaskStore(target),
            tuple(dict.fromkeys(name for row in table.rows if (name := class_name(row)))),
        )
        self.models = models
        self.proposer = Proposer(models, class_names=self.names)

    def run(self, *, progress: bool) -> MadeMasks:
        """Make every mask; a row that fails is refused and the next one is tried."""
        made = MadeMasks()
        # As the folder source will name them.
        names = identities(row["file"] for row in self.table.rows)
        bar = Progress(self.table.rows, desc="masks", unit="photograph", disable=not progress)
        for place, (name, row) in enumerate(zip(names, bar, strict=True)):
            if place in self.table.odd:
                odd = Refused(Refusal.PROMPT_UNUSABLE, self.table.odd[place])
                made.refused.append({**self._plain(row), **_reason(odd)})
            elif row.get("mask"):
                made.accepted.append(self._kept(row))
            else:
                self._make(name, row, made)
        return made

    def _kept(self, row: Row) -> Row:
        """Return a row that has a mask; only its paths change."""
        source = row.get("mask_source") or "given"
        return {**self._plain(row), "mask": self._moved(row["mask"]), "mask_source": source}

    def _make(self, name: str, row: Row, made: MadeMasks) -> None:
        try:
            proposal, key, reused = self._proposal(name, row)
        except Refused as refused:
            made.refused.append({**self._plain(row), **_reason(refused)})
            return
        made.reused += reused
        problem = judge_proposal(proposal, self.limits)
        path = self.store.put(name, key, proposal, accepted=problem is None)
        facts = {**self._plain(row), "mask": path, **self._facts(proposal)}
        if problem is None:
            made.accepted.append(facts)
        else:
            made.refused.append({**facts, **_reason(problem)})

    def _proposal(self, name: str, row: Row) -> tuple[Proposal, str, bool]:
        prompt = read_prompt(row) if self.choice == "columns" else Prompt(self.choice)
        file = row["file"]
        try:
            data = read_bytes(self.table.path.parent / file, file)
            # torch warns about arrays that can't be written to, such as Pillow's.
            image = np.array(decode_picture(data, file))
        except Unusable as error:
            raise Refused(Refusal.PHOTOGRAPH_UNREADABLE, str(error)) from error
        prompt = fit_to_frame(prompt, image.shape[1], image.shape[0])
        key = self._key(hashlib.sha256(data).hexdigest(), prompt, class_name(row))
        stored = self.store.find(name, key)
        if stored is not None:
            return stored, key, True
        return self._propose(image, prompt, class_name(row)), key, False

    def _propose(self, image: Picture, prompt: Prompt, name: str) -> Proposal:
        try:
            return self.proposer.propose(image, prompt, name)
        # Kinds of the errors below, but no fault of this photograph.
        except (torch.OutOfMemoryError, EditmillError):
            raise
        except (RuntimeError, ValueError, IndexError, cv2.error) as error:
            logger.warning("the segmenter failed: %s", error)
            raise Refused(Refusal.SEGMENTER_FAILED, f"{type(error).__name__}: {error}") from error

    def _key(self, sha256: str, prompt: Prompt, name: str) -> str:
        """Return what a stored mask depends on; the class name and the judge count only where they are asked."""
        helper = {"automatic": "zero_shot", "detector": "detector"}.get(prompt.kind, "")
        roles = [role for role in ("segmenter", helper) if role in self.models.pack.roles]
        return digest(
            {
                "version": VERSION,
                "photograph": sha256,
                "kind": prompt.kind,
                "box": prompt.box,
                "points": prompt.points,
                "class": name if helper else "",
                "classes": self.names if prompt.kind == "automatic" else (),
                "models": [self._record(role) for role in roles],
            }
        )

    def _record(self, role: str) -> ModelRecord:
        placement = self.models.placement
        return model_record(self.models.pack, role, models_dir=placement.models_dir, dtype=placement.precision)

    def _facts(self, proposal: Proposal) -> Row:
        return {
            "mask_source": proposal.source,
            "mask_score": f"{proposal.score:.4f}",
            "mask_stability": f"{proposal.stability:.4f}",
            "mask_model": _describe(self._record("segmenter")),
        }

    def _plain(self, row: Row) -> Row:
        return {**row, "file": self._moved(row["file"])}

    def _moved(self, reference: str) -> str:
        """Return a path of the old labels file as the new one names it.

        Resolved first, since ``..`` leads elsewhere through a link.
        """
        if not reference:
            return ""
        return Path(os.path.relpath((self.table.path.parent / reference).resolve(), self.target.resolve())).as_posix()


def _usable_table(labels: Path) -> Table:
    table = read_table(labels)
    table.require_columns(("file",), "add a row per photograph, with its path in the column file")
    table.label_column()
    return table


def _check_target(labels: Path, target: Path) -> None:
    existing = target / LABELS
    if not existing.exists():
        return
    if existing.resolve() == labels.resolve():
        raise RequestError(
            "the new labels file would replace the one that is read",
            where=str(existing),
            fix="name another folder with --to",
        )
    if "mask_source" not in read_table(existing).columns:
        raise OccupiedError(
            "the folder holds a labels file of another origin", where=str(existing), fix="name another folder with --to"
        )


def _describe(record: ModelRecord) -> str:
    return f"{record.id}@{(record.revision or record.digest)[:12]}"


def _reason(refused: Refused) -> Row:
    return {"reason": refused.reason, "detail": str(refused)}


def _to_csv(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()
