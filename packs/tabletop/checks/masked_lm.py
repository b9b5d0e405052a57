"""The masked language model: attributes that stand elsewhere in the text, words at an inserted slot,
pseudo-perplexity.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from editmill.generators.models.loading import Models
from editmill.generators.models.masked_lm import SLOT, MaskedLm, at_slot
from editmill.packs.tabletop.checks.common import share
from editmill.packs.tabletop.training.text_scenes import ATTRIBUTE_WORDS, draw_wording, part_of, text_scene
from editmill.packs.tabletop.world import Scene
from editmill.packs.tabletop.world.captions import OPENINGS
from editmill.packs.tabletop.world.sentences import GROUPS, Description, Thing, caption

Rng = np.random.Generator
TOP = 3
BOUNDS: dict[str, float] = {
    "masked_lm_colour_top3": 0.95,
    "masked_lm_size_top3": 0.95,
    "masked_lm_finish_top3": 0.95,
    "masked_lm_insertion_attributes": 0.95,
    "masked_lm_article": 0.95,
}
LIMITS: dict[str, float] = {"masked_lm_pseudo_perplexity": 3.0}


def _with_slot(thing: Thing, group: str, ground: str, rng: Rng) -> str:
    """Return a caption whose value of ``group`` is the slot; the article is the true word's."""
    text = caption(Description((replace(thing, **{group: "SLOT"}),), ground), rng).replace("SLOT", SLOT)
    vowel = getattr(thing, group)[0] in "aeiou"
    return text.replace(f"a {SLOT}", f"an {SLOT}") if vowel else text


def slot_texts(scene: Scene, rng: Rng) -> dict[str, tuple[str, str, str]]:
    """Return by group that the first object has a value in: text with evidence elsewhere, the same text without it, and
    the true word.
    """
    whole = text_scene(scene.objects[:1], scene.ground).things[0]
    texts: dict[str, tuple[str, str, str]] = {}
    for group in whole.attributes:
        part = replace(part_of(whole, rng, share=0.5), **{group: getattr(whole, group)})
        evidence = replace(part_of(whole, rng, share=0.5), **{group: getattr(whole, group)})
        slot = _with_slot(part, group, draw_wording(scene.ground, rng), rng)
        other = draw_wording(scene.ground, rng, share=0.5)
        bare = replace(evidence, **{group: ""})
        told, untold = (f"{slot}. {caption(Description((thing,), other), rng)}" for thing in (evidence, bare))
        texts[group] = (told, untold, getattr(whole, group))
    return texts


def _attribute_figures(model: MaskedLm, scenes: list[Scene]) -> dict[str, float]:
    rng = np.random.default_rng(0)
    cases = [(group, *texts) for scene in scenes for group, texts in slot_texts(scene, rng).items()]
    figures = {}
    for name, column in (("", 1), ("_no_evidence", 2)):
        ranked = model.word_probabilities([at_slot(case[column]) for case in cases], top=TOP)
        for group in GROUPS:
            places = [
                [word for word, _ in words].index(case[3]) if case[3] in dict(words) else TOP
                for case, words in zip(cases, ranked, strict=True)
                if case[0] == group
            ]
            figures[f"masked_lm_{group}_top3{name}"] = share([place < TOP for place in places])
            figures[f"masked_lm_{group}_top1{name}"] = share([place == 0 for place in places])
    return figures


def _insertion_figures(model: MaskedLm, scenes: list[Scene]) -> dict[str, float]:
    """Return the share of attribute words among the five best at a slot inserted before the noun, and of right articles
    before attributes.
    """
    rng = np.random.default_rng(1)
    plain = [
        caption(Description((Thing(scene.objects[0].name),), draw_wording(scene.ground, rng)), rng) for scene in scenes
    ]
    slots = [
        text.replace(f"a {scene.objects[0].name}", f"a {SLOT} {scene.objects[0].name}")
        for text, scene in zip(plain, scenes, strict=True)
    ]
    ranked = model.word_probabilities(list(map(at_slot, slots)), top=5)
    found = [word in ATTRIBUTE_WORDS for words in ranked for word, _ in words]
    full = [scene.objects[0].phrase() for scene in scenes]
    opened = [
        f"{OPENINGS[int(rng.integers(len(OPENINGS)))]}{SLOT} {phrase.split(' ', 1)[1]} on "
        f"{draw_wording(scene.ground, rng)}"
        for phrase, scene in zip(full, scenes, strict=True)
    ]
    scores = model.word_log_probabilities(list(map(at_slot, opened)), ("a", "an"))
    right = [bool(an > a) == phrase.startswith("an ") for (a, an), phrase in zip(scores, full, strict=True)]
    return {"masked_lm_insertion_attributes": share(found), "masked_lm_article": share(right)}


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the shares of the true attribute in the top 3 and 1 (with and without evidence elsewhere), and the
    pseudo-perplexity of captions per token.
    """
    model = MaskedLm(models)
    totals, counts = model.pseudo_log_likelihood([scene.caption for scene in scenes])
    return {
        **_attribute_figures(model, scenes),
        **_insertion_figures(model, scenes),
        "masked_lm_pseudo_perplexity": float(np.exp(-totals.sum() / counts.sum())),
    }
