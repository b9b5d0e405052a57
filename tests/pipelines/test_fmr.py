"""Datasets of latent ascents: tiny checkpoints of the published classes, and the rows that they give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from editmill.generators.base import Array
from editmill.generators.guards.base import Verdict
from editmill.generators.models.loading import Placement
from editmill.generators.reasons import Reason
from editmill.generators.synthesis.latent_ascent import LatentAscent
from editmill.generators.synthesis.oracle import Subject
from editmill.manifests.errors import ModelError, RecipeError
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.records import SampleRow
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.encode import decode_image
from editmill.pipelines.fingerprint import identify
from editmill.pipelines.fmr import FmrBuilder
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.shard import ShardTask, sample_builder
from tests.fmr_models import write_fmr_pack

PLACEMENT = Placement(device="cpu")
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


def plan_of(pack: Path, *changes: str) -> Plan:
    return make_plan(load_recipe("fmr", models=str(pack), overrides=(*SMALL, *changes)))


def builder_of(plan: Plan) -> FmrBuilder:
    task = ShardTask.for_plan(plan, 0, identity=identify(plan, PLACEMENT), out=None, placement=PLACEMENT)
    builder = sample_builder(task)
    assert isinstance(builder, FmrBuilder)
    return builder


class Refusing:
    """Refuses sources whose key is listed; accepts the rest.

    What random networks say of pictures is beside the point.
    """

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def __call__(self, subjects: Sequence[Subject], images: Sequence[Array]) -> list[Verdict]:
        return [
            Verdict({"clip_margin": 1.0}, (Reason.LABEL_CLIP,) if subject.key in self.keys else ())
            for subject in subjects
        ]


def rows_of(
    plan: Plan, guard: Refusing, *, samples: Sequence[Any] | None = None
) -> list[tuple[SampleRow, dict[str, bytes]]]:
    builder = builder_of(plan)
    builder.guard.binding, kept = guard, builder.guard.binding
    try:
        return list(builder.build(plan.shards[0] if samples is None else samples, shard=0))
    finally:
        builder.guard.binding = kept


@pytest.fixture(scope="module")
def dataset(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    out = tmp_path_factory.mktemp("out") / "fmr"
    build(prepare(plan_of(pack), out, PLACEMENT), progress=False)
    assert verify_dataset(out).ok
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
    built = rows_of(plan_of(pack), Refusing())
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
    plan = plan_of(pack)
    sources = list(dict.fromkeys(sample.source.id for sample in plan.shards[0]))
    built = rows_of(plan, Refusing(sources[1]))
    for row, members in built:
        refused = row.source_id == sources[1] and row.edit != "original"
        assert row.reasons == (("source_ineligible", "label_clip") if refused else ())
        assert row.status == ("failed" if refused else "ok")
        assert bool(members) != refused
    original = next(row for row, _ in built if row.source_id == sources[1])
    assert (original.status, original.parameters["guard_valid"]) == ("ok", False)


def test_the_faithful_fallback_emits_the_original_and_says_so(pack: Path) -> None:
    plan = plan_of(pack, "generator.faithful_fallback=true")
    built = rows_of(plan, Refusing(plan.shards[0][0].source.id))
    mine = [
        (row, members)
        for row, members in built
        if row.source_id == plan.shards[0][0].source.id and row.edit != "original"
    ]
    assert all(row.status == "ok" and row.parameters["fallback"] and row.parameters["emitted"] == -1 for row, _ in mine)
    assert all(members["png"] == members["source.png"] for _, members in mine)


def test_bytes_depend_on_neither_groups_nor_company(pack: Path) -> None:
    together = {row.key: members["png"] for row, members in rows_of(plan_of(pack), Refusing())}
    plan = plan_of(pack, "generator.group=1")
    assert {row.key: members["png"] for row, members in rows_of(plan, Refusing())} == together
    last = [sample for sample in plan.shards[0] if sample.source.id == plan.shards[0][-1].source.id]
    assert all(together[row.key] == members["png"] for row, members in rows_of(plan, Refusing(), samples=last))


def test_good_sources_beside_bad_ones_are_built(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(pack)
    sources = list(dict.fromkeys(sample.source.id for sample in plan.shards[0]))
    samples = [
        replace(sample, source=sample.source.model_copy(update={"problem": "mask_empty"}))
        if sample.source.id == sources[0]
        else sample
        for sample in plan.shards[0]
    ]
    run = LatentAscent.run

    def failing(self: LatentAscent, subjects: Sequence[Subject]) -> Any:
        if any(subject.key == sources[1] for subject in subjects):
            raise RuntimeError("the network broke")
        return run(self, subjects)

    monkeypatch.setattr(LatentAscent, "run", failing)
    reasons = {
        (row.source_id, row.edit == "original"): row.reasons for row, _ in rows_of(plan, Refusing(), samples=samples)
    }
    assert reasons == {
        (sources[0], True): ("mask_empty",),
        (sources[0], False): ("mask_empty",),
        (sources[1], True): (),
        (sources[1], False): ("proposer_error",),
        (sources[2], True): (),
        (sources[2], False): (),
    }


def test_a_style_mask_confines_and_the_zero_shot_guard_binds(pack: Path) -> None:
    plan = plan_of(
        pack, "generator.style={sources: 3, penalty: 0.5}", "generator.oracle=zero_shot", "generator.networks=[vq]"
    )
    builder = builder_of(plan)
    mask = builder.ascents["vq", "classifier"].mask
    assert mask.shape == (4, 16, 16)
    assert 0 < float(mask.mean()) < 1
    rows = [row for row, _ in builder.build(plan.shards[0], shard=0)]
    assert {row.parameters["oracle"] for row in rows} == {"zero_shot"}
    # Both guards' scores are there, whichever binds.
    assert all("clip_margin" in row.scores and "label_margin" in row.scores for row in rows if row.status == "ok")
    assert all(row.parameters["guard_valid"] == (row.scores["label_margin"] > 0) for row in rows if row.status == "ok")


def test_recipes_that_do_not_fit_are_refused(pack: Path) -> None:
    with pytest.raises(RecipeError, match="stored as png"):
        plan_of(pack, "output.image=jpg")
    with pytest.raises(ModelError, match="no image classifier"):
        identify(plan_of(pack, "generator.targets=[zero_shot]"), PLACEMENT)
