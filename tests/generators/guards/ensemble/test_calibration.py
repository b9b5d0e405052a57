"""Calibration from sources to report: with a guard whose errors are known, and with the embedded models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from editmill.generators.base.family import Build
from editmill.generators.compositing.removal import make_remover
from editmill.generators.guards.ensemble.calibration import (
    Calibrator,
    calibrate,
    calibrate_ensemble,
    pictures_of,
    round_trips,
    score_sources,
)
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.models.inpainter import Inpainter
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.guard_report import ENSEMBLE, GuardReport, check_limits
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.source import TabletopSource, TabletopSpec
from editmill.packs.tabletop.studies.guard_truth import WORLD, world_pictures
from editmill.packs.tabletop.world import CLASSES
from tests.checkpoints import write_pack

SOURCE = TabletopSource(TabletopSpec(start=900_000, count=48))
RECORDS = list(SOURCE.records())
KINDS = {"source", "autoencoder", "vq", "class_swap", "occluded", "background_crop"}


class KnownEnsemble(GuardEnsemble):
    """Guards that see whether the picture is the source; ``broken`` makes the first always true."""

    broken = False

    def scores(self, shown: Sequence[Shown]) -> list[dict[str, float]]:
        found = []
        for one in shown:
            assert one.source is not None
            same = one.source.shape == one.image.shape and np.array_equal(one.source, one.image)
            right = 5.0 if same else -5.0
            found.append(
                {"clip_margin": 5.0 if self.broken else right, "siglip_margin": right, "identity": 0.9 if same else 0.1}
            )
        return found


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models(read_pack(write_pack(tmp_path_factory.mktemp("tiny"))), Placement(device="cpu"))


@pytest.fixture(scope="module")
def tabletop() -> Models:
    return Models(read_pack(PACK), Placement(device="cpu"))


def known(models: Models, *, broken: bool = False, settings: EnsembleSettings | None = None) -> GuardReport:
    chosen = settings or EnsembleSettings(
        gates=("label_clip", "label_siglip", "identity"), alpha=0.2, far_upper_limit=0.1, frr_limit=0.05
    )
    ensemble = KnownEnsemble(models, chosen, class_names=CLASSES)
    ensemble.broken = broken
    return calibrate(SOURCE, RECORDS, Calibrator(ensemble))


def test_a_guard_that_sees_everything_keeps_its_limits(tiny: Models) -> None:
    report = known(tiny)
    check_limits(report)
    accepts = report.accepts()
    assert (accepts.errors, accepts.sources, report.rejections().errors) == (0, 48, 0)
    assert accepts.pictures == pytest.approx(3 * 48, abs=10)
    assert (report.unguardable, report.blind, report.gates) == ((), (), ("label_clip", "label_siglip", "identity"))
    assert known(tiny).digest == report.digest


def test_an_always_true_guard_is_caught(tiny: Models) -> None:
    report = known(tiny, broken=True)
    assert report.blind == ("label_clip",)
    assert report.accepts("label_clip").rate == 1
    assert report.accepts(ENSEMBLE).rate == 0
    with pytest.raises(DataError, match="'label_clip' accepts label-destroying pictures") as raised:
        check_limits(report)
    assert raised.value.exit_code == 1


def test_an_ensemble_of_nothing_but_a_broken_guard_fails_its_limit(tiny: Models) -> None:
    settings = EnsembleSettings(gates=("label_clip",), far_upper_limit=0.5)
    with pytest.raises(DataError, match=r"false accepts may reach 100\.00%"):
        check_limits(known(tiny, broken=True, settings=settings))


def test_one_class_is_too_few(tiny: Models) -> None:
    ensemble = KnownEnsemble(tiny, EnsembleSettings(), class_names=CLASSES)
    with pytest.raises(RequestError, match="at least two classes"):
        calibrate(SOURCE, [record for record in RECORDS if record.label == 0], Calibrator(ensemble))


def test_round_trips_keep_the_frame_and_most_of_the_picture(tabletop: Models) -> None:
    trips = round_trips(tabletop)
    assert list(trips) == ["autoencoder", "vq"]
    image = SOURCE.load(RECORDS[0]).image[:126, :127]
    for trip in trips.values():
        again = trip(image)
        assert (again.shape, again.dtype) == (image.shape, np.uint8)
        assert 0 < np.abs(again.astype(int) - image).mean() < 6


def test_pictures_of_a_source(tabletop: Models) -> None:
    source, other = (
        SOURCE.load(RECORDS[0]),
        SOURCE.load(next(record for record in RECORDS if record.label != RECORDS[0].label)),
    )
    remover = make_remover(tabletop)
    assert remover is not None
    # Two steps are enough for a picture.
    remover.filler = Inpainter(tabletop, steps=2, guidance=1.0)
    made = {
        one.kind: one
        for one in pictures_of(source, other, trips=round_trips(tabletop), remover=remover, seed=0, sourced=True)
    }
    assert made.keys() == KINDS | {"removed", "other_class"}
    assert {kind for kind, one in made.items() if one.clean} == {"source", "autoencoder", "vq"}
    assert all(
        one.shown.class_name == source.record.class_name and one.shown.edited != one.clean for one in made.values()
    )
    unsourced = list(pictures_of(source, other, trips={}, remover=None, seed=0, sourced=False))
    assert all(one.shown.source is None and one.shown.mask is None for one in unsourced)
    world = list(world_pictures(source, other, sourced=True))
    assert [one.kind for one in world] == list(WORLD)
    assert [one.clean for one in world] == [False, False, True]


def test_the_embedded_guards_tell_destroyed_labels(tabletop: Models) -> None:
    ensemble = GuardEnsemble(tabletop, EnsembleSettings(), class_names=CLASSES)
    calibrator = Calibrator(ensemble)
    scored = score_sources(SOURCE, RECORDS[:4], calibrator)
    assert {one.kind for one in scored} <= KINDS
    alone = score_sources(SOURCE, RECORDS[:4], replace(calibrator, seed=0))
    assert alone == scored
    wrong = [one.scores["clip_margin"] < 0 or one.scores["siglip_margin"] < 0 for one in scored if not one.clean]
    assert np.mean(wrong) > 0.8


def test_a_family_calibrates_its_ensemble_with_the_options_of_the_recipe(tiny: Models) -> None:
    @dataclass(frozen=True)
    class Options:
        remove_every: int = 1000
        seed: int = 3

    guard = EnsembleSettings(gates=("label_clip",))
    build: Build[Any, EnsembleSettings] = Build(
        settings=guard,
        guard=guard,
        seed=0,
        image="png",
        pack=tiny.pack,
        models=tiny,
        records=(),
        source=SOURCE,
        class_names=CLASSES,
    )
    for sourced in (True, False):
        report = calibrate_ensemble(build, RECORDS[:8], Options(), sourced=sourced)
        calibrator = Calibrator(
            GuardEnsemble(tiny, guard, class_names=CLASSES), sourced, 1000, 3, remover=make_remover(tiny)
        )
        assert report == calibrate(SOURCE, RECORDS[:8], calibrator)
        assert report.sourced == sourced
