"""Every edit on synthetic photographs with tiny random models: what it keeps exactly, and why it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.complexity import measure_mid_band
from editmill.generators.attribute.geometry import warp_object
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.attribute.rendering import ROUND_TRIP, AttributeRenderer
from editmill.generators.attribute.settings import AttributeSettings, EditSettings, RenderSettings
from editmill.generators.base.edits import edit_seed, make_edit
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.base.reasons import Reason
from editmill.generators.compositing.composite import matte
from editmill.generators.models.loading import Models
from editmill.generators.models.together import side_by_side
from editmill.manifests.arrays import Picture
from tests.generators.pictures import HEIGHT, WIDTH, box, disc, job, source

Make = Callable[..., AttributeRenderer]
JOBS: dict[str, EditJob] = {
    "original": job("original"),
    "paste-back": job("paste-back"),
    "size": job("size", level=0.05),
    "full": job("full"),
    "position": job("position", level=0.05, x=0.9, y=0.2),
    "direction": job("direction", level=0.05, angle=-30),
    "background": job("background", prompt="green grass"),
    "random-background": job("random-background", partner=source("b", label=1, seed=9, mask=box(20, 20, 50, 50))),
    "resample": job("resample", share=0.05),
    "round-trip": job("round-trip"),
    "complexity": job("complexity", level=1),
    "adversarial": job("adversarial", level=1),
}
FAITHFUL = {name: one for name, one in JOBS.items() if name != "background"}


@pytest.fixture
def make(models: Models) -> Make:
    """Makes a renderer of its own, with nothing remembered."""

    def make_renderer(*, recipe_seed: int = 3, **render: object) -> AttributeRenderer:
        edits = (EditSettings(name="original"), EditSettings(name="adversarial", levels=(1,)))
        settings = AttributeSettings(
            edits=edits, render=RenderSettings.model_validate({"steps": 2, "max_upsampling": 9, **render})
        )
        return AttributeRenderer(settings, models, recipe_seed=recipe_seed)

    return make_renderer


def equal(one: Candidate, two: Candidate) -> bool:
    pictures = zip((one.image, one.alpha, one.reference), (two.image, two.alpha, two.reference), strict=True)
    return all(np.array_equal(a, b) for a, b in pictures if a is not None) and (one.parameters, one.cost) == (
        two.parameters,
        two.cost,
    )


@pytest.mark.parametrize("name", JOBS)
def test_object_keeps_its_bytes_where_alpha_is_255(make: Make, name: str) -> None:
    (candidate,) = make().render([JOBS[name]])
    assert candidate.failure == ""
    assert candidate.image is not None
    assert candidate.alpha is not None
    assert candidate.reference is not None
    assert candidate.image.shape == candidate.reference.shape == (HEIGHT, WIDTH, 3)
    assert candidate.alpha.shape == (HEIGHT, WIDTH)
    assert candidate.image.dtype == candidate.alpha.dtype == candidate.reference.dtype == np.uint8
    kept = candidate.alpha == 255
    assert kept.sum() > 100
    assert np.array_equal(candidate.image[kept], candidate.reference[kept])
    assert candidate.parameters["area"] == pytest.approx(candidate.alpha.mean() / 255, abs=1e-6)


@pytest.mark.parametrize("name", FAITHFUL)
def test_faithful_mode_keeps_the_objects_bytes_in_square_frames(make: Make, name: str) -> None:
    renderer = make(mode="faithful", faithful={"executed": 3})
    one = FAITHFUL[name]
    partner = None if one.partner is None else renderer.frame(one.partner)
    framed = replace(one, source=renderer.frame(one.source), partner=partner)
    (candidate,) = renderer.render([framed])
    assert candidate.failure == ""
    assert candidate.image is not None
    assert candidate.image.shape == (32, 32, 3)
    kept = candidate.alpha == 255
    assert kept.sum() > 10
    assert np.array_equal(candidate.image[kept], candidate.reference[kept])  # type: ignore[index]
    if name in ("original", "paste-back", "resample"):
        assert "first_t" not in candidate.parameters
    else:
        assert candidate.parameters["first_t"] == 20
    guided = name in ("complexity", "adversarial")
    assert ("complexity_control" in candidate.parameters) == guided


def test_the_shared_seed_gives_every_source_the_same_noise(make: Make) -> None:
    def pictures(*quirks: str) -> list[Picture | None]:
        renderer = make(mode="faithful", faithful={"executed": 3, "compat": quirks})
        return [
            renderer.render([replace(one, source=renderer.frame(one.source))])[0].image
            for one in (JOBS["round-trip"], other)
        ]

    other = replace(JOBS["round-trip"], seed=99)
    ours, published = pictures(), pictures("shared-seed")
    assert not np.array_equal(ours[0], ours[1])  # type: ignore[arg-type]
    assert np.array_equal(published[0], published[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["modern", "faithful"])
def test_the_complexity_control_is_the_round_trips_own_measure(make: Make, mode: str) -> None:
    seed = edit_seed(3, source().record, ROUND_TRIP)
    trip = EditJob("k", source(), ROUND_TRIP, seed)
    for order in ((trip, JOBS["complexity"]), (JOBS["complexity"], trip)):
        renderer = make(mode=mode, faithful={"executed": 3})
        framed = [replace(one, source=renderer.frame(one.source)) for one in order]
        found = dict(zip((one.edit.name for one in order), renderer.render(framed), strict=True))
        image, alpha = found["round-trip"].image, found["round-trip"].alpha
        assert image is not None
        assert alpha is not None
        assert found["complexity"].parameters["complexity_control"] == pytest.approx(
            measure_mid_band(image, alpha), abs=1e-5, nan_ok=True
        )


def test_guidance_changes_the_background_in_opposite_directions(make: Make) -> None:
    renderer = make(steps=4, complexity_step=0.5)
    # Other seeds on purpose: guided edits take the round trip's noise, so that the guidance alone makes the difference.
    plain_job = EditJob("k", source(), ROUND_TRIP, edit_seed(3, source().record, ROUND_TRIP))
    jobs = (job("complexity", level=-1, seed=1), plain_job, job("complexity", level=1, seed=2))
    simple, plain, busy = renderer.render(jobs)
    assert simple.parameters["noise_seed"] == plain.parameters["noise_seed"] == busy.parameters["noise_seed"]
    measures = []
    for candidate in (simple, plain, busy):
        assert candidate.image is not None
        assert candidate.alpha is not None
        measures.append(measure_mid_band(candidate.image, candidate.alpha))
    assert measures[0] < measures[1] < measures[2]


def test_a_class_that_the_surrogate_does_not_know_is_a_failure_with_its_reason(make: Make) -> None:
    (candidate,) = make().render([job("adversarial", source(class_name="dog", label=5), level=1)])
    assert candidate.failure == Reason.SURROGATE_UNAWARE
    assert "'dog'" in candidate.detail


def test_adversarial_backgrounds_name_their_surrogate_and_lower_its_probability(make: Make) -> None:
    renderer = make(steps=4, attack_step=2.0, complexity_step=0.01)
    known = JOBS["adversarial"].source
    index = renderer.regenerator.surrogate.index(known.record.label, known.record.class_name)
    assert index is not None
    found = []
    for one in (JOBS["round-trip"], JOBS["adversarial"]):
        (candidate,) = renderer.render([one])
        assert candidate.image is not None
        picture = torch.from_numpy(candidate.image).permute(2, 0, 1)[None].float() / 127.5 - 1
        found.append(renderer.regenerator.surrogate.log_probability(picture, index).item())
    assert found[1] < found[0]
    assert candidate.parameters["surrogate"].startswith("classifier: transformers.ResNetForImageClassification ")


@pytest.mark.parametrize(
    "name", ["original", "paste-back", "background", "random-background", "round-trip", "complexity", "adversarial"]
)
def test_object_that_stays_in_place_keeps_the_sources_bytes(make: Make, name: str) -> None:
    (candidate,) = make().render([JOBS[name]])
    assert candidate.image is not None
    kept = candidate.alpha == 255
    assert np.array_equal(candidate.image[kept], JOBS[name].source.image[kept])
    assert np.array_equal(candidate.alpha, matte(JOBS[name].source.mask.astype(np.float32) / 255))
    assert candidate.parameters["matrix"] == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("name", ["size", "position", "direction"])
def test_recorded_matrix_gives_the_reference_again(make: Make, name: str) -> None:
    (candidate,) = make().render([JOBS[name]])
    loaded = JOBS[name].source
    colours, coverage = warp_object(loaded.image, loaded.mask, np.array(candidate.parameters["matrix"]).reshape(2, 3))
    kept = candidate.alpha == 255
    assert candidate.reference is not None
    assert np.abs(colours[kept].astype(int) - candidate.reference[kept]).max() <= 1
    assert (coverage[kept] > 0.5).all()
    assert candidate.parameters["area"] == pytest.approx(0.05, abs=0.005)


def test_placement_is_recorded(make: Make) -> None:
    turned, moved = make().render([JOBS["direction"], JOBS["position"]])
    assert turned.parameters["realised_angle"] == -30
    assert 0 < turned.parameters["scale"] < 1
    columns = np.nonzero(moved.alpha)[1]
    assert columns.mean() > WIDTH * 0.7


def test_original_is_the_source_itself(make: Make) -> None:
    (candidate,) = make().render([JOBS["original"]])
    assert np.array_equal(candidate.image, JOBS["original"].source.image)
    assert candidate.cost == 0


def test_full_generates_nothing_and_enlarges_the_object_to_the_frame(make: Make) -> None:
    (candidate,) = make().render([JOBS["full"]])
    assert candidate.cost == 0
    assert np.array_equal(candidate.image, candidate.reference)
    rows = np.flatnonzero((candidate.alpha > 0).any(axis=1))  # type: ignore[operator]
    assert rows[0] <= 1
    assert rows[-1] >= HEIGHT - 2


def test_background_is_new_around_the_object_and_differs_between_seeds_and_prompts(make: Make) -> None:
    draws = (("green grass", 1), ("green grass", 2), ("a brick wall", 1))
    jobs = [job("background", prompt=prompt, seed=seed) for prompt, seed in draws]
    pictures = [candidate.image for candidate in make(guidance=4.0).render(jobs)]
    outside = jobs[0].source.mask == 0
    for picture in pictures:
        assert picture is not None
        assert (picture[outside] != jobs[0].source.image[outside]).mean() > 0.9
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_random_background_is_the_partners_without_its_object(make: Make) -> None:
    (candidate,) = make().render([JOBS["random-background"]])
    partner = JOBS["random-background"].partner
    assert partner is not None
    assert candidate.image is not None
    assert np.array_equal(candidate.image[:8, 70:], partner.image[:8, 70:])
    gone = (partner.mask > 0) & (candidate.alpha == 0)
    assert (candidate.image[gone] != partner.image[gone]).mean() > 0.9


def test_partner_of_another_size_covers_the_frame(make: Make) -> None:
    partner = source("b", mask=disc(10, centre=(30, 50), width=60, height=120))
    (candidate,) = make().render([job("random-background", partner=partner)])
    assert candidate.image is not None
    assert candidate.image.shape == (HEIGHT, WIDTH, 3)


def test_other_places_show_the_removed_background(make: Make) -> None:
    small, pasted = make().render([JOBS["size"], JOBS["paste-back"]])
    assert small.image is not None
    assert pasted.image is not None
    both_free = (small.alpha == 0) & (pasted.alpha == 0)
    assert np.array_equal(small.image[both_free], pasted.image[both_free])
    uncovered = (small.alpha == 0) & (pasted.alpha == 255)
    assert (small.image[uncovered] != pasted.image[uncovered]).mean() > 0.9


def test_batch_and_order_do_not_matter(make: Make) -> None:
    together = dict(zip(JOBS, make().render(list(JOBS.values())), strict=True))
    backwards = dict(zip(reversed(JOBS), make().render(list(reversed(JOBS.values()))), strict=True))
    for name, one in JOBS.items():
        (alone,) = make().render([one])
        assert equal(alone, together[name])
        assert equal(alone, backwards[name])


def test_removal_differs_between_recipe_seeds_only(make: Make) -> None:
    pictures = [make(recipe_seed=seed).render([JOBS["size"]])[0].image for seed in (3, 3, 4)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize(("guidance", "cost"), [(1.0, 2), (2.0, 4)])
def test_cost_counts_the_networks_evaluations(make: Make, guidance: float, cost: int) -> None:
    (candidate,) = make(steps=2, guidance=guidance).render([JOBS["background"]])
    assert candidate.cost == cost


SMALL = source(mask=disc(4))
LONG = source(mask=box(10, 30, 86, 34))
THIN = source(mask=box(40, 10, 42, 50))
LENT = make_edit("attribute", "random-background", partner="b")
REFUSALS: dict[str, tuple[EditJob, Reason, str]] = {
    "enlarged": (job("size", SMALL, level=0.1), AttributeReason.UPSAMPLING_OVER_LIMIT, "the recipe allows 2"),
    "full enlarged": (job("full", SMALL), AttributeReason.UPSAMPLING_OVER_LIMIT, "enlarged"),
    "out of frame": (job("size", LONG, level=0.2), AttributeReason.OBJECT_OUT_OF_FRAME, "of 96 pixels"),
    "too thin": (job("size", LONG, level=0.005), AttributeReason.OBJECT_TOO_THIN, "deep enough"),
    "thin in place": (job("paste-back", THIN), AttributeReason.OBJECT_TOO_THIN, "deep enough"),
    "no partner": (job("random-background"), AttributeReason.PARTNER_UNUSABLE, "has another label"),
    "unreadable partner": (
        replace(job("random-background"), edit=LENT),
        AttributeReason.PARTNER_UNUSABLE,
        "'b' has no usable pixels",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_carry_their_reason(make: Make, name: str) -> None:
    refused, reason, words = REFUSALS[name]
    candidate, other = make(max_upsampling=2).render([refused, JOBS["original"]])
    assert candidate.image is None
    assert candidate.failure == reason
    assert words in candidate.detail
    assert other.failure == ""


THIN_IN_FINE_FRAME = source(mask=box(100, 50, 102, 150, width=200, height=200))


@pytest.mark.parametrize("name", ["original", "background", "random-background"])
@pytest.mark.parametrize("thin", [THIN, THIN_IN_FINE_FRAME])
def test_thin_object_is_refused_by_every_edit(make: Make, name: str, thin: LoadedSource) -> None:
    # Otherwise the guard rejects them for changed pixels, though not one has changed; in the fine frame alpha is even 0
    # everywhere.
    parameters = {"prompt": "green grass"} if name == "background" else {}
    (candidate,) = make().render([job(name, thin, partner=source("b"), **parameters)])
    assert candidate.failure == AttributeReason.OBJECT_TOO_THIN


def test_guided_edits_side_by_side_are_those_alone(make: Make) -> None:
    asked = [
        job("complexity", level=1),
        job("complexity", level=-1),
        job("adversarial", level=1),
        job("round-trip"),
        job("complexity", level=2),
    ]
    renderer = make()
    rendered = side_by_side(lambda one: renderer.render([one])[0], asked, most=4)
    alone = [make().render([one])[0] for one in asked]
    for one, other in zip(alone, rendered, strict=True):
        assert one.image is not None
        assert other.image is not None
        assert np.abs(one.image.astype(int) - other.image).max() <= 2
        assert one.cost == other.cost
    pictures = [one.image for one in rendered]
    assert all(not np.array_equal(pictures[0], other) for other in pictures[1:])
