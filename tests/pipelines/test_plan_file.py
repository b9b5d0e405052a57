"""Plans on disk: exact, small to send, gone with their last reader, and readable by workers while they build."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import pytest

from editmill.manifests.canonical import digest
from editmill.manifests.errors import RecipeError
from editmill.manifests.manifest import sources_digest
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import content_digest
from editmill.pipelines.plan_file import StoredRecords
from editmill.pipelines.recipe import load_recipe
from tests.benchmarks.plan_scale import plan_made_up
from tests.generators.pictures import record
from tests.pipelines.conftest import PLACEMENT, MakePlan

RECORDS = [record(name, label=place) for place, name in enumerate(("b", "a é", "a", "B"))]


def test_records_are_a_sequence_and_sorted_as_their_digest_wants() -> None:
    stored = StoredRecords(iter(RECORDS))
    assert (list(stored), stored[-1], stored[1:3], len(stored)) == (RECORDS, RECORDS[-1], RECORDS[1:3], 4)
    with pytest.raises(IndexError):
        stored[4]
    assert digest(list(stored.identities())) == sources_digest(RECORDS)
    assert content_digest(stored) == digest([one.released() for one in RECORDS])


def test_a_shard_is_small_to_send_and_its_file_goes_with_the_last_reader(tiny_plan: MakePlan) -> None:
    shard = tiny_plan().shards[0]
    message, samples = pickle.dumps(shard), list(shard)
    assert len(message) < 500
    sent = pickle.loads(message)
    assert list(sent) == samples
    assert len(sent) == len(samples)
    path = sent.file.path
    del sent
    assert path.exists()
    del shard
    assert not path.exists()
    path.write_bytes(b"of a process that was killed")
    other = tiny_plan()
    assert not path.exists()
    assert other.file.path.exists()


def test_only_the_samples_that_are_asked_for_have_their_spares(tiny_plan: MakePlan) -> None:
    shard = tiny_plan("shards=1").shards[0]
    samples = list(shard)
    first, second = [place for place, sample in enumerate(samples) if sample.spares][:2]
    for but in ((), {second}, {first, second}):
        given = [sample.spares if place in but else () for place, sample in enumerate(samples)]
        assert [sample.spares for sample in shard.without_spares(but=but)] == given


def test_a_build_has_its_plan_in_its_folder_and_leaves_none(tiny_plan: MakePlan, tmp_path: Path) -> None:
    plan = tiny_plan("generator.edits=[{name: original}]")
    for out in (tmp_path / "one", tmp_path / "two"):
        prepared = prepare(plan, out, PLACEMENT)
        assert prepared.task(0).samples.file.path.parent == out
        build(prepared, progress=False)
        assert not list(out.glob(".plan*"))
    assert plan.file.path.exists()


def test_too_many_samples_are_refused(tiny_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("editmill.pipelines.plan.MOST_SAMPLES", 39)
    with pytest.raises(RecipeError, match="more than 39 samples") as told:
        tiny_plan()
    assert told.value.where == "imagenet-e"


def test_memory_does_not_grow_with_the_sources() -> None:
    edits = "generator.edits=[{name: original}, {name: random-background}]"
    recipe, peaks = load_recipe("imagenet-e", overrides=(edits,)), []
    # What this imports is no part of it.
    plan_made_up(recipe, 10)
    for count in (100, 1100):
        tracemalloc.start()
        plan_made_up(recipe, count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Their records and samples take 5 MB; a ring of partners has 64 bytes a source, and twice that while it is sorted.
    assert peaks[1] - peaks[0] < 300_000
