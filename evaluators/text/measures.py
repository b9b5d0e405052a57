"""What edits did to the texts, from the rows alone: how many, how true, how fluent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from editmill.evaluators.statistics import Estimate, mean_of_means, proportion
from editmill.evaluators.text.rows import CaptionRow, undo

UNKNOWN = "unknown"


@dataclass(frozen=True)
class EditMeasures:
    """One edit.

    Attributes:
        planned, edited: Captions, and those that were changed.
        failed: Captions that could not be edited or read, by reason; they are not captions without an edit, and count
            in nothing below.
        changed: Share of the captions that did not fail which were changed; None where all failed.
        coverage: Edited captions among those that the source says could take an attribute; None where it doesn't say.
        reasons: First reasons of the rest.
        insertions: Inserted words.
        precision: Share of insertions that are true of the object that their noun means; ``existential``: of any object
            of its kind.
        by_group: Precision by group of attributes.
        words: Inserted words, the most frequent first.
        persons: Insertions before nouns of people.
        article_errors: Indefinite articles that don't fit.
        reversed: Share of edited captions that their operations lead back to the source.
        text_similarity, cross_modal, fluency: Means over edited captions of the similarity to the source, of the change
            of the cosine to the image, and of the change of the pseudo-log-likelihood per token in nats; None where
            they were not measured.
        bleu, chrf: Against the source, 0 to 100; None without sacrebleu.
        guard_rejected: Share of insertions to which the second judge gives no lead.
        ceiling: Of the published algorithm, the share of slots with a true word among the candidates: no choice among
            them is more precise.
    """

    edit: str
    planned: int
    edited: int
    failed: dict[str, int]
    changed: float | None
    coverage: Estimate | None
    reasons: dict[str, int]
    insertions: int
    precision: Estimate | None
    existential: Estimate | None
    by_group: dict[str, Estimate]
    words: dict[str, int]
    persons: int
    article_errors: int
    reversed: float
    text_similarity: Estimate | None
    cross_modal: Estimate | None
    fluency: Estimate | None
    bleu: float | None
    chrf: float | None
    guard_rejected: Estimate | None
    ceiling: Estimate | None


def measure_edits(rows: dict[str, list[CaptionRow]], *, resamples: int = 10_000) -> list[EditMeasures]:
    """Measure every edit; see `proportion` for the intervals of shares; those of means are a bootstrap over images."""
    return [_measure(edit, mine, resamples) for edit, mine in rows.items()]


def _measure(edit: str, planned: list[CaptionRow], resamples: int) -> EditMeasures:
    rows, failed = [row for row in planned if not row.failed], [row for row in planned if row.failed]
    edited = [row for row in rows if row.edited]
    eligible = [row for row in rows if row.parameters.get("eligible") == "true"]
    inserted = [one for row in edited for one in row.insertions]
    # Words that the source can't judge are neither true nor false.
    judged = [one for one in inserted if one.get("gold", UNKNOWN) != UNKNOWN]
    groups = dict.fromkeys(str(one.get("group", "")) for one in judged)
    # -1 stands for a margin that was not measured.
    margins = [one["image_margin"] for one in inserted if one.get("image_margin", -1.0) != -1.0]
    true = {group: [one["gold"] == "true" for one in judged if one.get("group", "") == group] for group in groups}
    bleu, chrf = _overlap(edited)
    return EditMeasures(
        edit,
        len(planned),
        len(edited),
        dict(Counter(row.reasons[0] for row in failed).most_common()),
        len(edited) / len(rows) if rows else None,
        _share([row.edited for row in eligible]),
        dict(Counter(row.reasons[0] for row in rows if row.reasons).most_common()),
        len(inserted),
        _share([one["gold"] == "true" for one in judged]),
        _share([one.get("gold_existential") == "true" for one in judged]),
        {group or "none": estimate for group, hits in true.items() if (estimate := _share(hits))},
        dict(Counter(str(one.get("word", "")) for one in inserted).most_common()),
        sum(bool(one.get("person")) for one in inserted),
        round(sum(row.scores.get("article_errors", 0.0) for row in rows)),
        float(np.mean([undo(row) == row.caption for row in edited])) if edited else 1.0,
        _mean(edited, lambda scores: scores.get("text_similarity"), resamples),
        _mean(edited, lambda scores: _change(scores, "cross_modal"), resamples),
        _mean(edited, lambda scores: _change(scores, "pll"), resamples),
        bleu,
        chrf,
        _share([margin <= 0 for margin in margins]),
        _ceiling(rows),
    )


def _ceiling(rows: list[CaptionRow]) -> Estimate | None:
    slots, reached = (
        sum(int(row.parameters.get(name, 0)) for row in rows) for name in ("ceiling_slots", "ceiling_reached")
    )
    return _share([True] * reached + [False] * (slots - reached))


def _share(hits: Sequence[bool]) -> Estimate | None:
    """Return a share with its interval; None of nothing."""
    return proportion(sum(hits), len(hits)) if hits else None


def _change(scores: dict[str, float], name: str) -> float | None:
    before, after = scores.get(f"{name}_before"), scores.get(f"{name}_after")
    return None if before is None or after is None else after - before


def _mean(rows: list[CaptionRow], value: Callable[[dict[str, float]], float | None], resamples: int) -> Estimate | None:
    by_image: dict[str, list[float]] = {}
    for row in rows:
        one = value(row.scores)
        if one is not None:
            by_image.setdefault(row.image, []).append(one)
    if not by_image:
        return None
    # A number per image, since captions of one image are not independent.
    return mean_of_means(np.array([[np.mean(values)] for values in by_image.values()]), resamples=resamples)


def _overlap(rows: list[CaptionRow]) -> tuple[float | None, float | None]:
    """Return the corpus BLEU and chrF of edited texts against their sources; None without the package."""
    try:
        from sacrebleu import corpus_bleu, corpus_chrf
    except ImportError:
        return None, None
    if not rows:
        return None, None
    # sacrebleu takes one list per set of references, not one per text.
    texts, sources = [row.text for row in rows], [[row.caption for row in rows]]
    return float(corpus_bleu(texts, sources).score), float(corpus_chrf(texts, sources).score)
