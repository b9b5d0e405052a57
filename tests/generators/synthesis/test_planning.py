from __future__ import annotations

import pytest
from pydantic import ValidationError

from editmill.generators.base.samples import PlannedSample
from editmill.generators.synthesis.planning import plan_samples
from editmill.generators.synthesis.settings import ConditioningSettings, SynthesisSettings
from editmill.manifests.records import SourceRecord

TEMPLATES = ("a {}", "one {}", "the {}")


def record(number: int, label: int, *, problem: str = "") -> SourceRecord:
    name = ("ball", "cube")[label]
    return SourceRecord(
        id=f"s{number}",
        image=f"{number}.png",
        label=label,
        class_name=name,
        width=32,
        height=32,
        sha256="0" * 64,
        problem=problem,
    )


RECORDS = [record(0, 1), record(1, 0), record(2, 1), record(3, 1, problem="mask_empty"), record(4, 0)]


def settings(**changes: object) -> SynthesisSettings:
    return SynthesisSettings.model_validate({"kind": "synthesis", "quota": 3, **changes})


def test_every_class_and_conditioning_has_its_quota() -> None:
    samples = list(plan_samples(RECORDS, settings(), TEMPLATES, seed=1))
    counts = {(sample.source.class_name, sample.edit.name): 0 for sample in samples}
    for sample in samples:
        counts[sample.source.class_name, sample.edit.name] += 1
    assert counts == {(name, kind): 3 for name in ("ball", "cube") for kind in ("text", "image", "image-text")}
    assert [sample.source.label for sample in samples] == [0] * 9 + [1] * 9


def test_real_pictures_go_round_and_bad_ones_are_left_out() -> None:
    samples = [
        sample
        for sample in plan_samples(RECORDS, settings(), TEMPLATES, seed=1)
        if sample.edit.name == "image" and sample.source.label == 1
    ]
    assert [(sample.partner.id, sample.replica) for sample in samples if sample.partner] == [
        ("s0", 0),
        ("s2", 0),
        ("s0", 1),
    ]
    assert {sample.edit["prompt"] for sample in samples} == {""}


def test_templates_are_a_seeded_permutation() -> None:
    def drawn(seed: int) -> list[int]:
        return [
            int(sample.edit["template"])
            for sample in plan_samples(RECORDS, settings(), TEMPLATES, seed=seed)
            if sample.edit.name == "text"
        ]

    assert sorted(drawn(1)[:3]) == [0, 1, 2]
    assert drawn(1) == drawn(1)
    assert any(drawn(seed) != drawn(1) for seed in range(2, 8))


def test_the_control_takes_each_real_picture_once() -> None:
    samples = [
        sample
        for sample in plan_samples(RECORDS, settings(original=True), TEMPLATES, seed=1)
        if sample.edit.name == "original"
    ]
    assert [sample.partner.id for sample in samples if sample.partner] == ["s4", "s1", "s0", "s2"]


def test_real_pictures_follow_from_ids_not_from_the_order_of_the_source() -> None:
    def planned(records: list[SourceRecord]) -> list[PlannedSample]:
        return list(plan_samples(records, settings(quota=4), TEMPLATES, seed=1))

    many = [record(number, 0) for number in range(9)]
    assert planned(many[::-1]) == planned(many)
    more = planned([*many[:3], record(9, 0), *many[3:]])
    # One of image and one of image-text at most.
    assert len({one.key for one in planned(many)} - {one.key for one in more}) <= 2


def test_text_needs_no_usable_picture_and_the_others_name_the_bad_one() -> None:
    samples = list(plan_samples([record(0, 0, problem="source_unreadable")], settings(quota=1), TEMPLATES, seed=1))
    assert [sample.partner.problem if sample.partner else "" for sample in samples] == [
        "",
        "source_unreadable",
        "source_unreadable",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conditionings": [{"name": "text"}, {"name": "text"}]}, "twice"),
        ({"templates": ["a photo"]}, "templates"),
        ({"selection": {"mode": "targeted"}}, "targeted"),
        ({"selection": {"count": 2}}, "quota"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**changes)


def test_quotas_of_single_conditionings() -> None:
    chosen = settings(
        conditionings=(ConditioningSettings(name="image", quota=5), ConditioningSettings(name="text")), original=True
    )
    assert [chosen.quota_of(kind) for kind in chosen.kinds] == [5, 5, 3]
