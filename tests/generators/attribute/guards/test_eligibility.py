"""Sources that an edit can't be made or measured with."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.eligibility import SourceGuard, border_distance, largest_component
from editmill.generators.attribute.guards.limits import SourceRule
from editmill.generators.base.guards import Verdict
from editmill.generators.base.reasons import Reason
from editmill.generators.compositing.composite import matte
from editmill.manifests.arrays import Mask
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, job, source


def judged(mask: Mask, name: str = "original", guard: SourceGuard | None = None) -> Verdict:
    one: EditJob = job(name, source(mask=mask), level=0.1 if name == "size" else 0.0)
    candidate = Candidate(one.source.image, matte(mask.astype(np.float32) / 255), one.source.image)
    return (guard or SourceGuard(SourceRule())).check(one, candidate, one.source.image)


def test_one_object_of_some_size_is_accepted_with_every_score() -> None:
    verdict = judged(disc())
    assert verdict.reasons == ()
    assert set(verdict.scores) == set(SourceGuard.score_names)


@pytest.mark.parametrize(
    "mask",
    [disc(3), box(2, 2, WIDTH - 2, HEIGHT - 2), disc(12) | disc(7, centre=(80, 50))],
    ids=["speck", "frame", "pieces"],
)
def test_a_mask_that_is_no_object_is_rejected(mask: Mask) -> None:
    assert judged(mask).reasons == (Reason.SOURCE_INELIGIBLE,)


def test_a_crumb_beside_the_object_is_nothing() -> None:
    assert judged(disc(14) | disc(1, centre=(80, 50))).reasons == ()


def test_border_counts_where_asked_for_and_in_geometric_edits_only() -> None:
    near, strict = box(1, 10, 40, 50), SourceGuard(SourceRule(border=2))
    assert judged(near, "size").reasons == ()
    assert judged(near, "size", strict).reasons == (Reason.SOURCE_INELIGIBLE,)
    assert judged(near, "background", strict).reasons == ()
    assert judged(box(2, 10, 40, 50), "size", SourceGuard(SourceRule(border=2))).reasons == ()


def test_measures() -> None:
    two = box(0, 0, 10, 10) | box(20, 0, 30, 30)
    assert largest_component(two > 0) == pytest.approx(0.75)
    assert border_distance(two > 0) == 0
    assert border_distance(box(3, 5, 90, 60) > 0) == 3
