"""What the gates of filled holes reject, on photographs of your own:

    python -m tests.benchmarks.removal_gates --source folder:photos/labels.csv --source coco:instances.json [--patches]

Clean pictures are untouched photographs: an object of another photograph is laid on each, in a random place that none
of its own objects takes, and the picture before that is the perfect removal. Faults are such a removal with a third of
the object left in, and with a smaller copy of the object in its place; and the photograph's own object removed by the
pack's inpainting and by ``cv2.inpaint``. Half of the photographs, chosen by their digests, are for setting limits
(``FILL_LIMITS`` of ``editmill.generators.compositing.defaults``); what they do is counted on the other half.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from editmill.generators.attribute.guards.fill import REASONS
from editmill.generators.attribute.guards.fixtures import smeared
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.compositing.defaults import CLOSING, FILL_LIMITS, MASK_LIMITS, PATCH_DILATION, PATCH_MOST_HOLE
from editmill.generators.compositing.fill_quality import Removal, fill_scores
from editmill.generators.compositing.hole import HoleRule
from editmill.generators.compositing.mask_quality import mask_scores
from editmill.generators.compositing.patchmatch import PatchMatch
from editmill.generators.compositing.removal import Remover, make_remover
from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.manifests.arrays import Mask
from editmill.manifests.progress import Progress
from editmill.pipelines.packs import find_pack
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources import open_source

RULE = HoleRule(PATCH_DILATION, closing=CLOSING, shadows=True)
# The hole as it was for the toy world.
WIDE = HoleRule()
MOST_WIDE = 0.7
SHARES, FEW = (0.03, 0.2), 0.05
TRIES, DRAWS = 80, 3


LIMITS = MASK_LIMITS | FILL_LIMITS
WHY = dict.fromkeys(MASK_LIMITS, AttributeReason.MASK_INCOMPLETE) | dict(REASONS)


def scores_of(removal: Removal) -> dict[str, float]:
    """Return all scores of a removal and of the mask that it was made with."""
    return mask_scores(removal.image, removal.mask) | fill_scores(removal)


class Trial(NamedTuple):
    """A removal of a kind, from the half of the photographs that limits are set on or from the other one."""

    kind: str
    held_out: bool
    scores: dict[str, float]

    @property
    def reasons(self) -> set[str]:
        """Why it is rejected."""
        return {WHY[name] for name, score in self.scores.items() if score > LIMITS[name]}


def laid_on(photo: LoadedSource, taken: Mask, other: LoadedSource, rng: np.random.Generator) -> Removal | None:
    """Return a photograph with another one's object where ``taken`` leaves room, and without it; None without room."""
    rows, columns = np.flatnonzero(other.mask.any(axis=1)), np.flatnonzero(other.mask.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    height, width = taken.shape
    for _ in range(TRIES):
        share = np.exp(rng.uniform(*np.log(SHARES)))
        scale = min(np.sqrt(share * taken.size / (other.mask > 0).sum()), 0.95 * height / len(rows), 1.5)
        size = (round((columns[-1] - columns[0] + 1) * scale), round((rows[-1] - rows[0] + 1) * scale))
        if not 8 <= size[0] <= width or not 8 <= size[1] <= height:
            continue
        left, top = rng.integers(0, width - size[0] + 1), rng.integers(0, height - size[1] + 1)
        place = slice(top, top + size[1]), slice(left, left + size[0])
        mask, image = np.zeros_like(photo.mask), photo.image.copy()
        mask[place] = cv2.resize(other.mask[box], size, interpolation=cv2.INTER_NEAREST)
        image[place][mask[place] > 0] = cv2.resize(other.image[box], size, interpolation=cv2.INTER_AREA)[
            mask[place] > 0
        ]
        if (taken & (mask > 0)).sum() <= FEW * (mask > 0).sum():
            hole = RULE.hole(image, mask)
            if hole.mean() <= PATCH_MOST_HOLE:
                return Removal(image, mask, hole, photo.image)
    return None


def half_left(removal: Removal, rng: np.random.Generator) -> Removal:
    """Return a removal by a mask that leaves out a third of its object, on the far side of a line."""
    rows, columns = np.nonzero(removal.mask)
    angle = rng.uniform(0, 2 * np.pi)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    known, mask = along <= np.quantile(along, 2 / 3), np.zeros_like(removal.mask)
    mask[rows[known], columns[known]] = 255
    hole = RULE.hole(removal.image, mask)
    return Removal(removal.image, mask, hole, np.where(hole[..., None], removal.background, removal.image))


def copied(removal: Removal) -> Removal:
    """Return a removal whose fill shows the object again, at 0.7 of its size."""
    rows, columns = np.nonzero(removal.mask)
    matrix = np.array([[0.7, 0, 0.3 * columns.mean()], [0, 0.7, 0.3 * rows.mean()]])
    size = (removal.mask.shape[1], removal.mask.shape[0])
    smaller = cv2.warpAffine(removal.image, matrix, size)
    there = cv2.warpAffine(removal.mask, matrix, size, flags=cv2.INTER_NEAREST) > 0
    return Removal(removal.image, removal.mask, removal.hole, np.where(there[..., None], smaller, removal.background))


def own_removals(photo: LoadedSource, fillers: dict[str, Remover]) -> Iterator[tuple[str, Removal]]:
    """Yield the removals of a photograph's own object, by kind."""
    for kind, remover in fillers.items():
        hole = remover.hole(photo)
        if hole.mean() <= (MOST_WIDE if remover.rule == WIDE else PATCH_MOST_HOLE):
            yield kind, Removal(photo.image, photo.mask, hole, remover.background(photo, 5))
    for kind, rule in (("cv2.inpaint, wide hole", WIDE), ("cv2.inpaint", RULE)):
        hole = rule.hole(photo.image, photo.mask)
        if hole.mean() <= (MOST_WIDE if rule == WIDE else PATCH_MOST_HOLE):
            yield kind, Removal(photo.image, photo.mask, hole, smeared(photo.image, hole))


def trials(photos: list[LoadedSource], fillers: dict[str, Remover]) -> Iterator[Trial]:
    """Yield the trials of all photographs."""
    rng, taken = np.random.default_rng(1), dict[str, Mask]()
    for photo in photos:
        before = taken.get(photo.record.sha256, np.zeros(photo.mask.shape, bool))
        taken[photo.record.sha256] = before | (photo.mask > 0)
    for photo in Progress(photos, desc="trying", unit="source"):
        held_out = int(photo.record.sha256, 16) % 2 == 1
        for draw in range(DRAWS):
            other = photos[rng.integers(len(photos))]
            clean = laid_on(photo, taken[photo.record.sha256], other, rng)
            if other.record.sha256 == photo.record.sha256 or clean is None:
                continue
            yield Trial("untouched", held_out, scores_of(clean))
            if draw == 0:
                yield Trial("a third left in", held_out, scores_of(half_left(clean, rng)))
                yield Trial("a smaller copy", held_out, scores_of(copied(clean)))
        for kind, removal in own_removals(photo, fillers):
            yield Trial(kind, held_out, scores_of(removal))


def print_tables(found: list[Trial]) -> None:
    """Print what the limits rest on, and what they reject."""
    print(f"{'score':14} {'limit':>6}   untouched, first half: median, 98 %, 99 %; over the limit in the other half")
    for name, limit in LIMITS.items():
        halves = [
            np.array(
                [
                    one.scores[name]
                    for one in found
                    if one.kind == "untouched" and one.held_out == half and name in one.scores
                ]
            )
            for half in (False, True)
        ]
        middle, high, top = np.quantile(halves[0], (0.5, 0.98, 0.99))
        print(f"{name:14} {limit:6.2f}   {middle:.2f}, {high:.2f}, {top:.2f}; {(halves[1] > limit).mean():.1%}")
    print(
        f"\n{'removal':28} {'first half':>18} {'other half':>18}   of both: " + ", ".join(dict.fromkeys(WHY.values()))
    )
    for kind in dict.fromkeys(one.kind for one in found):
        mine = [one for one in found if one.kind == kind]
        halves = [[bool(one.reasons) for one in mine if one.held_out == half] for half in (False, True)]
        rejected = [f"{sum(half)} of {len(half)} ({np.mean(half):.0%})" for half in halves]
        whys = [f"{np.mean([why in one.reasons for one in mine]):.0%}" for why in dict.fromkeys(WHY.values())]
        print(f"{kind:28} {rejected[0]:>18} {rejected[1]:>18}   {', '.join(whys)}")


def read(sources: list[str]) -> list[LoadedSource]:
    """Return the photographs of all sources that can be used."""
    photos = []
    for name in sources:
        source = open_source(load_recipe("imagenet-e", source=name).source)
        for record in source.records():
            try:
                photos += [] if record.problem else [source.load(record)]
            except Unusable as error:
                print(f"{record.id}: {error}")
    return photos


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", action="append", required=True, help="as of editmill build; may be repeated")
    parser.add_argument("--models", default="tabletop", help="the pack whose inpainting makes faults")
    parser.add_argument("--patches", action="store_true", help="also count fills by PatchMatch (10 s a photograph)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    models = Models(find_pack(options.models), Placement(device="cpu"))
    fillers = {
        name: remover
        for name, rule in (("the pack's, wide hole", WIDE), ("the pack's", RULE))
        if (remover := make_remover(models, rule=rule)) is not None
    }
    if options.patches:
        fillers["PatchMatch"] = Remover(PatchMatch(), prompt="", model_digest="", rule=RULE)
    print_tables(list(trials(read(options.source), fillers)))


if __name__ == "__main__":
    main()
