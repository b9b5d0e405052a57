"""Rows under another rule: status and reasons from stored scores."""

from __future__ import annotations

from dataclasses import dataclass

from editmill.generators.base.family import Decision, Judge
from editmill.manifests.records import CandidateRecord, SampleRow


@dataclass(frozen=True)
class Regated:
    """A row under the new rule.

    Attributes:
        row: With its new status, reasons and scores.
        needs_rendering: Whether a candidate passes now whose pixels were never stored.
        unexplained: Whether the old rule, applied to the stored scores, rejects what was accepted for a reason that was
            not given; scores are rounded to six digits, and shares of objects are estimated.
    """

    row: SampleRow
    needs_rendering: bool = False
    unexplained: bool = False


@dataclass(frozen=True)
class _Verdict:
    decision: Decision
    unexplained: bool

    @property
    def passes(self) -> bool:
        return not self.decision.reasons


def regate_row(row: SampleRow, before: Judge, after: Judge) -> Regated:
    """Judge every candidate of a row again.

    A stored sample stays while it passes. Of the others only scores are left, so a row in which another candidate
    passes keeps what it was rejected for, or what its stored one is rejected for now, and needs rendering. Failures of
    sources and models stay.
    """
    verdicts = {record.attempt: _judge(row, record, before, after) for record in row.candidates if record.scores}
    unexplained = any(one.unexplained for one in verdicts.values())
    passing = {
        record.attempt: record.accepted
        for record in row.candidates
        if record.attempt in verdicts and verdicts[record.attempt].passes
    }
    if row.status != "ok" and not all(passing.values()):
        return Regated(row, True, unexplained)
    kept = _kept(row)
    if row.status == "failed" or not row.scores:
        return Regated(row, False, unexplained)
    own = verdicts[kept.attempt] if kept is not None else _judge(row, _as_candidate(row), before, after)
    if row.status == "ok":
        others = passing.keys() - ({kept.attempt} if kept is not None else set())
        return Regated(_updated(row, verdicts, own), not own.passes and bool(others), unexplained or own.unexplained)
    if own.passes:
        return Regated(row, True, unexplained or own.unexplained)
    return Regated(_updated(row, verdicts, own), False, unexplained or own.unexplained)


def _kept(row: SampleRow) -> CandidateRecord | None:
    """Return the candidate that the row's own seed and scores are of; None where the row tells of no candidate."""
    return next((one for one in reversed(row.candidates) if one.seed == row.seed and one.scores == row.scores), None)


def _as_candidate(row: SampleRow) -> CandidateRecord:
    return CandidateRecord(
        attempt=0, seed=row.seed, accepted=row.status == "ok", reasons=row.reasons, scores=row.scores
    )


def _judge(row: SampleRow, record: CandidateRecord, before: Judge, after: Judge) -> _Verdict:
    """Return what the new rule changes of what was said.

    The rest stays, as that of guards whose verdict scores don't tell.
    """
    old, new = before(row, record.scores, record.reasons), after(row, record.scores, record.reasons)
    # What the old rule finds in the scores and the build did not say, and what the build said beyond any rule.
    phantom, missing = set(old.reasons) - set(record.reasons), set(record.reasons) - set(old.reasons)
    if new.reasons == old.reasons:
        # Equal under both rules: then nothing that was said changes, its order included.
        reasons = tuple(record.reasons)
    else:
        reasons = (
            *(one for one in new.reasons if one not in phantom),
            *(one for one in record.reasons if one in missing),
        )
    return _Verdict(Decision(new.scores, tuple(str(one) for one in reasons)), bool(phantom))


def _updated(row: SampleRow, verdicts: dict[int, _Verdict], own: _Verdict) -> SampleRow:
    candidates = tuple(_candidate(one, verdicts.get(one.attempt)) for one in row.candidates)
    reasons = own.decision.reasons
    changed = {
        "status": "rejected" if reasons else "ok",
        "reasons": reasons,
        "scores": own.decision.scores,
        "candidates": candidates,
        # Spans are those of the new tar, which writing the shard fills in.
        "members": {},
    }
    return row.model_copy(update=changed)


def _candidate(record: CandidateRecord, verdict: _Verdict | None) -> CandidateRecord:
    """Return a candidate without pixels that passes now keeps what it was rejected for."""
    if verdict is None or (verdict.passes and not record.accepted):
        return record
    found = verdict.decision
    return record.model_copy(update={"accepted": verdict.passes, "reasons": found.reasons, "scores": found.scores})
