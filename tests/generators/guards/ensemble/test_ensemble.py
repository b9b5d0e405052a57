"""The ensemble with the embedded models: known faults of every guard, and verdicts that do not depend on neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from editmill.generators.attribute.guards import fixtures
from editmill.generators.base.guards import Verdict
from editmill.generators.base.reasons import Reason
from editmill.generators.guards.ensemble.destroyers import background_crop, other_class
from editmill.generators.guards.ensemble.duplicates import DuplicateIndex
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.gates import GATES
from editmill.generators.guards.ensemble.scores import SCORE_NAMES
from editmill.generators.guards.ensemble.settings import GATE_ROLES, EnsembleSettings
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.manifests.arrays import Picture
from editmill.manifests.errors import ModelError
from editmill.packs.tabletop.world import CLASSES
from tests.generators.guards.conftest import Toy

SETTINGS = EnsembleSettings(segment=True)


@pytest.fixture(scope="module")
def ensemble(tabletop: Models) -> GuardEnsemble:
    return GuardEnsemble(tabletop, SETTINGS, class_names=CLASSES)


def shown(toy: Toy, image: Picture, *, mask: Picture | None = None, edited: bool = True) -> Shown:
    source = toy.source
    return Shown(
        image,
        source.record.class_name,
        source.record.label,
        mask if mask is not None else source.mask,
        source.image,
        source.mask,
        edited,
    )


def brighter(image: Picture) -> Picture:
    """A harmless edit."""
    return (image * 0.9 + 20).round().astype(np.uint8)


@pytest.fixture(scope="module")
def candidates(toys: tuple[Toy, ...]) -> dict[str, Shown]:
    first, second, _ = toys
    crop = background_crop(first.source)
    assert crop is not None
    pasted = other_class(first.source, second.source, first.ground)
    alpha = first.alpha
    return {
        "the source": shown(first, first.source.image, edited=False),
        "brighter": shown(first, brighter(first.source.image)),
        "another class": shown(first, second.source.image, mask=second.source.mask),
        "bare ground": shown(first, first.ground),
        "background crop": shown(first, crop),
        "another object": shown(first, pasted.image, mask=pasted.mask),
        "no edit": shown(first, first.source.image),
        "unsafe": replace(shown(first, brighter(first.source.image)), unsafe=True),
        "constant": shown(first, np.full_like(first.ground, 90)),
        "grown": shown(first, fixtures.grown_object(first.source.image, alpha, 6)),
        "no source": Shown(first.source.image, first.source.record.class_name),
        "no source, bare ground": Shown(first.ground, first.source.record.class_name),
        "unknown class": Shown(first.source.image, "teapot"),
    }


@pytest.fixture(scope="module")
def verdicts(ensemble: GuardEnsemble, candidates: dict[str, Shown]) -> dict[str, Verdict]:
    return dict(zip(candidates, ensemble.check(list(candidates.values())), strict=True))


@pytest.mark.parametrize("name", ["the source", "brighter", "no source"])
def test_good_pictures_pass(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].reasons == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("another class", GuardReason.LABEL_CLIP),
        ("another class", GuardReason.LABEL_SIGLIP),
        ("another class", GuardReason.IDENTITY_DINO),
        ("another object", GuardReason.LABEL_CLIP),
        ("another object", GuardReason.IDENTITY_DINO),
        ("bare ground", GuardReason.LABEL_CLIP),
        ("bare ground", GuardReason.OBJECT_LOST),
        ("bare ground", GuardReason.GUARD_UNSTABLE),
        ("background crop", GuardReason.LABEL_SIGLIP),
        ("no edit", GuardReason.NO_OP),
        ("unsafe", GuardReason.NSFW),
        ("constant", Reason.SANITY),
        ("no source, bare ground", GuardReason.OBJECT_LOST),
        ("unknown class", Reason.SOURCE_INELIGIBLE),
    ],
)
def test_known_faults_are_rejected(verdicts: dict[str, Verdict], name: str, reason: Reason) -> None:
    assert reason in verdicts[name].reasons


def test_every_gate_rejects_a_fault_and_passes_the_good_picture(verdicts: dict[str, Verdict]) -> None:
    bare, good = verdicts["bare ground"].scores, verdicts["brighter"].scores
    for name, gate in GATES.items():
        assert good[gate.score] >= gate.limit, name
        assert bare.get(gate.score, -1.0) < gate.limit, name


def test_segmented_masks_are_compared(verdicts: dict[str, Verdict]) -> None:
    assert verdicts["grown"].scores["expansion"] > verdicts["grown"].scores["source_expansion"] + 0.03


def test_all_scores_are_there_also_of_rejected_pictures(ensemble: GuardEnsemble, verdicts: dict[str, Verdict]) -> None:
    names = {*SCORE_NAMES, *(name for one in ensemble.verifiers for name in one.score_names)}
    # Only a model with SigLIP's bias has odds.
    assert names - verdicts["constant"].scores.keys() == {"clip_odds"}
    assert all(verdict.scores.keys() <= names for verdict in verdicts.values())
    assert len(set(SCORE_NAMES)) == len(SCORE_NAMES)


def test_what_can_not_be_compared_has_no_score(verdicts: dict[str, Verdict]) -> None:
    assert not {"identity", "mask_iou", "change"} & verdicts["no source"].scores.keys()
    assert (
        not {"clip_margin", "siglip_margin", "object_margin", "verifier_classifier_agrees"}
        & verdicts["unknown class"].scores.keys()
    )


def test_verifiers_are_heard_and_do_not_bind(ensemble: GuardEnsemble, verdicts: dict[str, Verdict]) -> None:
    assert verdicts["the source"].scores["verifier_classifier_agrees"] == 1
    assert verdicts["another class"].scores["verifier_classifier_agrees"] == 0
    assert not ensemble.gate_digests().keys() & ensemble.verifier_digests().keys()
    assert ensemble.gate_digests().keys() == set(GATE_ROLES)
    assert not {gate.score for gate in GATES.values()} & {
        name for one in ensemble.verifiers for name in one.score_names
    }


def test_scores_do_not_depend_on_neighbours(
    ensemble: GuardEnsemble, candidates: dict[str, Shown], verdicts: dict[str, Verdict]
) -> None:
    names = ("another class", "brighter", "no source")
    turned = ensemble.scores([candidates[name] for name in names])
    assert turned == [verdicts[name].scores for name in names]
    assert ensemble.scores([candidates["brighter"]]) == [verdicts["brighter"].scores]
    assert ensemble.scores([]) == []


def test_a_batch_of_segmented_masks_takes_fewer_calls_and_changes_no_verdict(
    tabletop: Models, candidates: dict[str, Shown], verdicts: dict[str, Verdict]
) -> None:
    models, names = Models(tabletop.pack, Placement(device="cpu", batch=4)), ("another class", "brighter", "grown")
    ensemble = GuardEnsemble(models, EnsembleSettings(segment=True, verifiers=()), class_names=CLASSES)
    passes: list[int] = []

    def count(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if isinstance(module, torch.nn.ConvTranspose2d):
            passes.append(len(inputs[0]))

    hook = register_module_forward_pre_hook(count)
    try:
        found = ensemble.check([candidates[name] for name in names])
    finally:
        hook.remove()
    # Three pictures after their source; the decoder has two such layers.
    assert passes == [4] * 2 * 2
    for one, name in zip(found, names, strict=True):
        assert one.reasons == verdicts[name].reasons
        assert one.scores == pytest.approx({key: verdicts[name].scores[key] for key in one.scores}, abs=1e-5)


def test_directions_follow_the_prompt(ensemble: GuardEnsemble, toys: tuple[Toy, ...]) -> None:
    first, second, _ = toys
    names = first.source.record.class_name, second.source.record.class_name
    prompts = f"a {names[0]}", f"a {names[1]}"
    one = replace(shown(first, second.source.image), prompts=prompts)
    back = replace(one, prompts=(prompts[1], prompts[0]))
    found = [scores["direction"] for scores in ensemble.scores([one, back])]
    assert found[0] > 0.1 > -0.1 > found[1]
    assert "direction" not in ensemble.scores([replace(one, prompts=(prompts[0], prompts[0]))])[0]


def test_duplicates_of_accepted_pictures_are_found(ensemble: GuardEnsemble, toys: tuple[Toy, ...]) -> None:
    index = DuplicateIndex(SETTINGS)
    first, again, other = ensemble.fingerprints(
        [toys[0].source.image, brighter(toys[0].source.image), toys[1].source.image]
    )
    index.add(first)
    assert index.reasons(index.scores(again)) == (GuardReason.DUPLICATE,)
    assert index.reasons(index.scores(other)) == ()


def test_a_pack_without_further_models_has_one_judge(models: Models, pack: PackSpec, toys: tuple[Toy, ...]) -> None:
    ensemble = GuardEnsemble(models, EnsembleSettings(), class_names=CLASSES)
    scores = ensemble.check([shown(toys[0], toys[0].source.image)])[0].scores
    assert "clip_margin" in scores
    assert not {"siglip_margin", "identity", "object_margin"} & scores.keys()
    with pytest.raises(ModelError, match="no image encoder"):
        ensemble.fingerprints([])
    bare = Models(pack.model_copy(update={"roles": {"classifier": pack.entry("classifier")}}), models.placement)
    with pytest.raises(ModelError, match="no judge of the label"):
        GuardEnsemble(bare, EnsembleSettings(), class_names=CLASSES)
