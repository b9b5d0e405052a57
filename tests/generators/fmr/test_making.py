"""Datasets of latent ascents: tiny checkpoints of the published classes, and the rows that they give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from editmill.generators.base.guards import Verdict
from editmill.generators.base.images import decode_image
from editmill.generators.base.making import Built, Frame, SampleBuilder
from editmill.generators.base.samples import PlannedSample
from editmill.generators.fmr.family import FmrBuild, FmrFamily
from editmill.generators.fmr.latent_ascent import LatentAscent
from editmill.generators.fmr.making import FmrMaker
from editmill.generators.fmr.oracle import Subject
from editmill.generators.fmr.settings import FmrSettings
from editmill.generators.guards.ensemble.calibration import round_trips
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.manifests.arrays import Picture
from editmill.manifests.errors import ModelError, RequestError
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.records import SourceRecord
from editmill.manifests.verify import verify_dataset
from editmill.packs.tabletop.source import TabletopSource, TabletopSpec
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from tests.fmr_models import write_fmr_pack
from tests.released import traces

FAMILY = FmrFamily()
PLACEMENT = Placement(device="cpu")
SOURCE = TabletopSource(TabletopSpec(count=3, size=32))
RECORDS = tuple(SOURCE.records())
SMALL = (
    "source.count=3",
    "source.size=32",
    "generator.targets=[classifier]",
    "generator.budget=2",
    "generator.eta=0.05",
    "calibration=null",
    "shards=1",
)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fmr_pack(tmp_path_factory.mktemp("pack"))


def build_of(pack: Path, *, records: Sequence[SourceRecord] = RECORDS, **changes: Any) -> FmrBuild:
    spec, settings = read_pack(pack), FmrSettings(budget=2, eta=0.05, **changes)
    asked = FmrBuild(
        settings=settings,
        guard=EnsembleSettings(verifiers=()),
        seed=0,
        image="png",
        pack=spec,
        models=Models(spec, PLACEMENT),
        records=(),
        source=SOURCE,
        class_names=tuple(dict.fromkeys(record.class_name for record in records)),
    )
    return replace(asked, lead=FAMILY.lead(asked, records))


def plan_of(build: FmrBuild, records: Sequence[SourceRecord] = RECORDS) -> list[PlannedSample]:
    return list(FAMILY.plan(build, records))


class Refusing:
    """Refuses sources whose key is listed; accepts the rest.

    What random networks say of pictures is beside the point.
    """

    def __init__(self, *keys: str) -> None:
        self.keys, self.seen = keys, 0

    def __call__(self, subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
        self.seen += len(subjects)
        return [
            Verdict({"clip_margin": 1.0}, (GuardReason.LABEL_CLIP,) if subject.key in self.keys else ())
            for subject in subjects
        ]


def make(maker: FmrMaker, samples: Sequence[PlannedSample]) -> list[Built]:
    frame = Frame(maker.build.seed, "test", FAMILY.failures)
    return list(SampleBuilder(maker, frame).build(samples, shard=0))


def rows_of(build: FmrBuild, guard: Refusing, *, samples: Sequence[PlannedSample] | None = None) -> list[Built]:
    maker = FAMILY.maker(build)
    maker.guard.binding = guard
    return make(maker, plan_of(build) if samples is None else samples)


@pytest.fixture(scope="module")
def dataset(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    out = tmp_path_factory.mktemp("out") / "fmr"
    plan = make_plan(load_recipe("fmr", models=str(pack), overrides=SMALL))
    build(prepare(plan, out, PLACEMENT), progress=False)
    assert verify_dataset(out).ok
    assert traces(out) == []
    return open_dataset(out)


def test_a_build_has_a_row_for_every_planned_sample(dataset: Dataset) -> None:
    rows = dataset.table.to_pylist()
    assert len(rows) == 3 * (1 + 2 * (1 + 2 + 2))
    assert dataset.manifest.members == ("cls", "json", "png", "source.png")
    for row in rows:
        parameters = json.loads(row["parameters"])
        assert (parameters["guard_report"], parameters["oracle"]) == ("", "ensemble")
        assert len(parameters["trajectory"]["valid"]) == parameters["validation"]["looked"]
        assert row["edit"] == "original" or row["status"] == ("ok" if parameters["emitted"] >= 0 else "failed")
        assert row["score_clip_margin"] == row["score_clip_margin"]


def test_samples_json_has_the_same_keys_and_types_everywhere(dataset: Dataset) -> None:
    documents = [sample.json() for sample in dataset]
    assert (
        len({tuple((name, type(value).__name__) for name, value in sorted(document.items())) for document in documents})
        == 1
    )


def test_every_sample_of_an_accepted_source(pack: Path) -> None:
    built = rows_of(build_of(pack), Refusing())
    assert all(row.status == "ok" for row, _ in built)
    original = decode_image(built[0][1]["png"])
    assert np.array_equal(original, decode_image(built[-1][1]["source.png"])) == (
        built[0][0].source_id == built[-1][0].source_id
    )
    by_key = {row.key: (row, members) for row, members in built}
    source = built[0][0].source_id
    trip, walk, ascent = (
        by_key[f"{source}__{label}__0"] for label in ("round-trip-vq", "random-vq-2", "ascent-vq-classifier-2")
    )
    for row, members in (trip, walk, ascent):
        assert members["cls"] == str(row.label).encode()
        assert np.array_equal(decode_image(members["source.png"]), original)
        assert not np.array_equal(decode_image(members["png"]), original)
    values = ascent[0].parameters
    assert (values["network"], values["target"], values["budget"], values["emitted"], values["stop"]) == (
        "vq",
        "classifier",
        2,
        2,
        "budget",
    )
    assert values["trajectory"]["loss"][2] > values["trajectory"]["loss"][0]
    assert len(values["target_digest"]) == 64
    assert (walk[0].parameters["mode"], walk[0].parameters["trajectory"]["loss"]) == ("random", [])
    assert trip[0].parameters["validation"] == {"looked": 1, "valid": 1}
    assert (trip[0].cost, walk[0].cost, ascent[0].cost) == (2 + 4, 2 + 2 * 3, 2 + 4 * 3)


def test_a_refused_round_trip_fails_its_source_alone(pack: Path) -> None:
    sources = [record.id for record in RECORDS]
    built = rows_of(build_of(pack), Refusing(sources[1]))
    for row, members in built:
        refused = row.source_id == sources[1] and row.edit != "original"
        assert row.reasons == (("source_ineligible", "label_clip") if refused else ())
        assert row.status == ("failed" if refused else "ok")
        assert bool(members) != refused
    original = next(row for row, _ in built if row.source_id == sources[1])
    assert (original.status, original.parameters["guard_valid"]) == ("ok", False)


def test_the_faithful_fallback_emits_the_original_and_says_so(pack: Path) -> None:
    first = RECORDS[0].id
    built = rows_of(build_of(pack, faithful_fallback=True), Refusing(first))
    mine = [(row, members) for row, members in built if row.source_id == first and row.edit != "original"]
    assert all(row.status == "ok" and row.parameters["fallback"] and row.parameters["emitted"] == -1 for row, _ in mine)
    assert all(members["png"] == members["source.png"] for _, members in mine)


def test_bytes_depend_on_neither_groups_nor_company(pack: Path) -> None:
    together = {row.key: members["png"] for row, members in rows_of(build_of(pack), Refusing())}
    alone = build_of(pack, group=1)
    assert {row.key: members["png"] for row, members in rows_of(alone, Refusing())} == together
    last = plan_of(alone, RECORDS[-1:])
    assert all(together[row.key] == members["png"] for row, members in rows_of(alone, Refusing(), samples=last))


def test_good_sources_beside_bad_ones_are_built(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = RECORDS[0].model_copy(update={"problem": "mask_empty"})
    sources = [record.id for record in RECORDS]
    run = LatentAscent.run

    def failing(self: LatentAscent, subjects: Sequence[Subject]) -> Any:
        if any(subject.key == sources[1] for subject in subjects):
            raise RuntimeError("the network broke")
        return run(self, subjects)

    monkeypatch.setattr(LatentAscent, "run", failing)
    built = build_of(pack)
    rows = [row for row, _ in rows_of(built, Refusing(), samples=plan_of(built, (bad, *RECORDS[1:])))]
    assert {(row.source_id, row.edit == "original"): (row.status, row.reasons) for row in rows} == {
        (sources[0], True): ("failed", ("mask_empty",)),
        (sources[0], False): ("failed", ("mask_empty",)),
        (sources[1], True): ("ok", ()),
        (sources[1], False): ("failed", ("proposer_error",)),
        (sources[2], True): ("ok", ()),
        (sources[2], False): ("ok", ()),
    }
    unusable, broken = rows[0], next(row for row in rows if row.source_id == sources[1] and row.reasons)
    assert broken.parameters["detail"] == "RuntimeError: the network broke"
    assert unusable.parameters["detail"] == f"{bad.mask}: mask empty"
    assert unusable.parameters.keys() == broken.parameters.keys() == rows[-1].parameters.keys() | {"detail"}
    assert (unusable.parameters["guard_valid"], unusable.attempts, broken.attempts) == (False, 0, 0)


def test_a_class_that_the_target_does_not_know_fails(pack: Path) -> None:
    records = [record.model_copy(update={"class_name": "teapot", "label": 900}) for record in RECORDS[:1]]
    built = build_of(pack, networks=("vq",))
    rows = [row for row, _ in rows_of(built, Refusing(), samples=plan_of(built, records))]
    # Round trips too, as no run of the network has begun with one.
    assert {(row.edit, row.status, row.reasons) for row in rows if row.edit != "original"} == {
        (edit, "failed", ("surrogate_unaware",)) for edit in ("round-trip", "random", "ascent")
    }


def test_digests_of_targets_are_those_that_the_build_carries(pack: Path) -> None:
    built = build_of(pack, networks=("vq",))
    built = replace(built, models=Models(built.pack, PLACEMENT, {"classifier": "d" * 64}))
    maker = FAMILY.maker(built)
    assert maker.facts.targets == {"classifier": "d" * 64}
    assert maker.guard.binding.ensemble.models.digest("zero_shot") == Models(built.pack, PLACEMENT).digest("zero_shot")


def test_a_network_that_calibration_loaded_first_still_has_gradients(tmp_path: Path) -> None:
    # Weights that are made within inference mode never have any, so every ascent would fail.
    built = build_of(write_fmr_pack(tmp_path / "fresh"))
    for trip in round_trips(built.models).values():
        trip(SOURCE.load(RECORDS[0]).image)
    assert all(row.status == "ok" for row, _ in rows_of(built, Refusing(), samples=plan_of(built, RECORDS[:1])))


def test_what_is_judged_is_forgotten_after_each_group(pack: Path) -> None:
    maker = FAMILY.maker(build_of(pack, networks=("vq",)))
    maker.guard.binding = guard = Refusing()
    samples = plan_of(maker.build, RECORDS[:1])
    make(maker, samples)
    seen = guard.seen
    make(maker, samples)
    assert guard.seen == 2 * seen


def test_a_style_mask_confines_and_the_zero_shot_guard_binds(pack: Path) -> None:
    built = build_of(pack, style={"sources": 3, "penalty": 0.5}, oracle="zero_shot", networks=("vq",))
    maker = FAMILY.maker(built)
    mask = maker.ascents["vq", "classifier"].mask
    assert mask.shape == (4, 16, 16)
    assert 0 < float(mask.mean()) < 1
    # Whatever part of the sources is built.
    rows = [row for row, _ in make(maker, plan_of(built, RECORDS[1:]))]
    assert {row.parameters["oracle"] for row in rows} == {"zero_shot"}
    # Both guards' scores are there, whichever binds.
    assert all("clip_margin" in row.scores and "label_margin" in row.scores for row in rows if row.status == "ok")
    assert all(row.parameters["guard_valid"] == (row.scores["label_margin"] > 0) for row in rows if row.status == "ok")


def test_the_style_mask_leads_with_the_first_usable_sources(pack: Path) -> None:
    bad = RECORDS[0].model_copy(update={"problem": "mask_empty"})
    built = build_of(pack, style={"sources": 2}, records=(bad, *RECORDS[1:]))
    assert built.lead == RECORDS[1:]
    assert build_of(pack).lead == ()
    larger = TabletopSource(TabletopSpec(count=1, size=64))
    lead = (RECORDS[1], *larger.records())
    sizes = type("Sizes", (), {"load": lambda _, record: (larger if record.width == 64 else SOURCE).load(record)})
    with pytest.raises(RequestError, match="frames of one size"):
        _ = FAMILY.maker(replace(built, lead=lead, source=sizes())).ascents


def test_recipes_that_do_not_fit_are_refused(pack: Path) -> None:
    built = build_of(pack, targets=("zero_shot",))
    with pytest.raises(ValueError, match="stored as png, whose bytes the guards judged"):
        FAMILY.check(replace(built, image="jpg"))
    with pytest.raises(ModelError, match="not an image classifier"):
        FAMILY.roles(built)


def test_calibration_s_roles_are_named_where_guards_are_calibrated(pack: Path) -> None:
    built = build_of(pack, networks=("vq",))
    assert FAMILY.roles(built) == ["vq", "classifier", "zero_shot"]
    assert FAMILY.roles(replace(built, calibrated=True)) == ["vq", "classifier", "zero_shot", "autoencoder"]
