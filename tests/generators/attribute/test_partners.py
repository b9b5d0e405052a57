from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.attribute.partners import PartnerPool
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed
from tests.generators.pictures import record

SEEDS = st.integers(0, 2**63 - 1)
LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=12)


def chosen(everything: list[SourceRecord], one: SourceRecord, seed: int, count: int = 1) -> list[str]:
    return [everything[place].id for place in PartnerPool(everything).choose(one, seed, count)]


def records(labels: list[int]) -> list[SourceRecord]:
    return [record(f"s{number}", label=label) for number, label in enumerate(labels)]


@given(LABELS, SEEDS)
def test_partner_is_of_another_class_or_there_is_none(labels: list[int], seed: int) -> None:
    everything = records(labels)
    by_id = {one.id: one for one in everything}
    for one in everything:
        partners = chosen(everything, one, seed)
        assert bool(partners) == (len(set(labels)) > 1)
        assert all(by_id[partner].label != one.label for partner in partners)


@given(LABELS, SEEDS, st.integers(1, 15))
def test_further_partners_follow_the_first_without_repetition(labels: list[int], seed: int, count: int) -> None:
    everything = records(labels)
    one = everything[0]
    partners = chosen(everything, one, seed, count)
    assert partners[:1] == chosen(everything, one, seed)
    assert len(set(partners)) == len(partners) == min(count, sum(label != labels[0] for label in labels))


@given(LABELS, SEEDS, st.integers(0, 3))
def test_added_source_changes_only_the_choices_that_fall_on_it(labels: list[int], seed: int, label: int) -> None:
    before = records(labels)
    new = record("new", label=label)
    for one in before:
        assert chosen([new, *before], one, seed) in (chosen(before, one, seed), ["new"])


@given(LABELS, SEEDS, st.randoms(use_true_random=False))
def test_order_of_the_sources_does_not_matter(labels: list[int], seed: int, random: Random) -> None:
    everything = records(labels)
    shuffled = random.sample(everything, len(everything))
    assert [chosen(shuffled, one, seed) for one in everything] == [chosen(everything, one, seed) for one in everything]


def test_unusable_sources_are_never_chosen() -> None:
    broken = [record(f"b{number}", label=1, problem="mask_empty") for number in range(20)]
    pool = PartnerPool([record("a"), *broken])
    assert not any(pool.choose(record("a"), seed) for seed in range(0, 2**63, 2**59))


def test_every_source_is_somebodys_partner() -> None:
    others = records([1] * 10)
    found = {chosen(others, record("a", label=0), seed)[0] for seed in range(0, 2**63, 2**53)}
    assert found == {one.id for one in others}


def test_empty_pool_has_no_partner() -> None:
    assert PartnerPool([]).choose(record("a"), 1) == []


@given(LABELS, SEEDS, st.integers(1, 4), st.integers(0, 4))
def test_choices_are_those_of_a_walk_around_the_ring(labels: list[int], seed: int, count: int, pictures: int) -> None:
    # Several records may be of one picture.
    everything = [
        one.model_copy(update={"sha256": f"{number % (pictures + 1):064x}"})
        for number, one in enumerate(records(labels))
    ]
    placed = sorted((derive_seed(0, one.id, "partner-place"), one) for one in everything)
    walk = [one for place, one in placed if place >= seed] + [one for place, one in placed if place < seed]
    for asking in everything:
        wanted = [one.id for one in walk if one.label != asking.label and one.sha256 != asking.sha256]
        assert chosen(everything, asking, seed, count) == wanted[:count]


def test_a_class_that_most_sources_have_is_passed_in_one_step() -> None:
    class Counted(list[Any]):
        looked = 0

        def __getitem__(self, index: Any) -> Any:
            self.looked += 1
            return super().__getitem__(index)

    everything = records([0] * 500 + [1])
    pool = PartnerPool(everything)
    looked = Counted(pool._labels)
    pool._labels = looked  # type: ignore[assignment]
    assert [pool.choose(one, 7) for one in everything[:500]] == [[500]] * 500
    assert looked.looked <= 500 * 2
