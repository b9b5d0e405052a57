"""Measures of a filled hole that need no weights: texture and colours against the surroundings, the seam along the rim,
and what is left of the object.

All are taken in a window around the hole, shrunk to a bounded size, so that large photographs cost no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from editmill.generators.compositing.defaults import FILL_LIMITS
from editmill.generators.compositing.distance import distance_to
from editmill.generators.compositing.hole import longer_side, search_window
from editmill.manifests.arrays import Feature, Mask, Picture

# Pixels of the window's longer side, and how much of the surroundings it holds, as a share of the hole's longer side.
SIDE = 512
CONTEXT = 0.5
# Deviations in pixels between which bands of detail lie.
SCALES = (0.0, 1.0, 2.0, 4.0, 8.0)
# Grey levels of detail below which nothing is seen.
FAINT = 0.3
# In pixels: what lies this near to the rim belongs to neither side; and the least width of the ring around it.
RIM, LEAST_RING = 3, 10
# Bins of a Lab channel, each of so many levels.
BINS, BIN = 32, 8
# The share of the smoothest, or busiest, surroundings beyond which a place of the fill is unlike them.
TAIL = 0.1
# Pixels at the frame that are left out of seams.
BORDER = 4
# Distances from the rim in pixels whose gradients are compared with the rim's.
PARALLEL = range(5, 13)
# How much likelier a colour is on the object than far from it, to count as the object's; and how much of the object has
# to have such colours for it to be looked for.
LIKELIER, TELLING = 20.0, 0.3
# How far from the hole remnants are looked for, as a share of the object's longer side.
REACH = 0.15
# The object is compared at this many pixels of its longer side, in these sizes; grey levels of deviation below which it
# is too plain to be told.
TEMPLATE, SIZES, PLAIN = 48, (1.0, 0.85, 0.7, 0.55), 8.0


@dataclass(frozen=True)
class Removal:
    """An object that was removed.

    Attributes:
        image: The photograph, uint8 [H, W, 3] RGB.
        mask: The object, uint8 [H, W].
        hole: What was filled, bool [H, W].
        background: The photograph without the object, uint8 [H, W, 3] RGB.
    """

    image: Picture
    mask: Mask
    hole: Mask
    background: Picture

    def view(self) -> Removal:
        """Return the window that is measured."""
        window = search_window(self.hole, CONTEXT)
        hole = self.hole[window]
        scale = min(1.0, SIDE / max(hole.shape))
        size = (max(1, round(hole.shape[1] * scale)), max(1, round(hole.shape[0] * scale)))

        def shrunk(layer: Picture) -> Picture:
            return cv2.resize(layer, size, interpolation=cv2.INTER_AREA)

        return Removal(
            shrunk(self.image[window]),
            shrunk(self.mask[window]),
            # A pixel that holds some of the hole is measured as the fill's.
            shrunk(hole.astype(np.float32)) > 0,
            shrunk(self.background[window]),
        )


def fill_scores(removal: Removal) -> dict[str, float]:
    """Return the measures of a filled hole by name.

    Those that can't be taken, such as in a hole without surroundings, are left out.
    """
    seen = removal.view()
    lab = lab_of(seen.background)
    outer, inner = distance_to(seen.hole), distance_to(~seen.hole)
    depth = float(inner.max())
    inside = inner > min(RIM, depth / 2)
    ring = (outer > RIM - 1) & (outer <= max(LEAST_RING, depth))
    if not ring.any():
        return {}
    fine, coarse = smoothness(lab[..., 0], inside, ring)
    scores = {"fill_smooth": fine, "fill_plain": coarse, "fill_colour": strangeness(lab, inside, ring)}
    return scores | seam_step(lab, outer, inner) | traces(seen, outer) | likeness(seen)


def strain(scores: Mapping[str, float]) -> float:
    """Return the score that is worst of all by its limit, in limits; 0 without scores."""
    return max((score / FILL_LIMITS[name] for name, score in scores.items()), default=0.0)


def lab_of(image: Picture) -> Feature:
    return cv2.cvtColor(image, cv2.COLOR_RGB2Lab).astype(np.float32)


def smoothness(luma: Feature, inside: Mask, ring: Mask) -> tuple[float, float]:
    """Return the share of a fill that is smoother than nine tenths of the ring around it, in fine and in coarse detail,
    where it is largest. A tenth is to be expected.
    """
    shares = [float((detail[inside] < np.quantile(detail[ring], TAIL)).mean()) for detail in details(luma)]
    return max(shares[:2]), max(shares[2:])


def details(luma: Feature) -> Iterator[Feature]:
    """Yield how much detail of each scale there is around each pixel, in octaves, float32 [H, W], the finest first."""
    smooth = [luma if scale == 0 else cv2.GaussianBlur(luma, (0, 0), scale) for scale in SCALES]
    for finer, coarser, scale in zip(smooth, smooth[1:], SCALES[1:], strict=False):
        side = round(4 * scale) + 1
        energy = cv2.blur(np.square(finer - coarser), (side, side))
        yield np.log2(np.sqrt(np.maximum(energy, 0)) + FAINT)


def strangeness(lab: Feature, inside: Mask, ring: Mask) -> float:
    """Return the share of a fill whose colours are not those of the ring around it."""
    code = colour_codes(lab)
    near = np.zeros((BINS, BINS, BINS), np.uint8)
    near.reshape(-1)[np.unique(code[ring])] = 1
    return float((near.reshape(-1)[code[inside]] == 0).mean())


def colour_codes(lab: Feature) -> Feature:
    """Return the number of each pixel's bin of colour, once noise is smoothed away."""
    bins = np.clip(cv2.GaussianBlur(lab, (0, 0), 1.5) / BIN, 0, BINS - 1).astype(int)
    return (bins[..., 0] * BINS + bins[..., 1]) * BINS + bins[..., 2]


def seam_step(lab: Feature, outer: Feature, inner: Feature) -> dict[str, float]:
    """Return by how many octaves the colours change more across the rim than across curves parallel to it.

    Nothing where too little of the rim lies within the frame.
    """
    across = _gradient_across(cv2.GaussianBlur(lab, (0, 0), 0.7), outer - inner)[BORDER:-BORDER, BORDER:-BORDER]
    signed = np.where(inner > 0, 0.5 - inner, outer - 0.5)[BORDER:-BORDER, BORDER:-BORDER]

    def means(distances: Iterable[int]) -> list[float]:
        curves = (across[np.abs(signed - distance) <= 0.5] for distance in distances)
        return [float(curve.mean()) for curve in curves if len(curve) > 10]

    rim, outside, within = means(range(-2, 3)), means(PARALLEL), means(-distance for distance in PARALLEL)
    if not rim or not outside or not within:
        return {}
    parallel = (np.mean(outside) + np.mean(within)) / 2
    return {"fill_seam": float(np.log2((max(rim) + 0.5) / (parallel + 0.5)))}


def _gradient_across(lab: Feature, distance: Feature) -> Feature:
    """Return how fast the colours change along the gradient of ``distance``, in levels per pixel, float32 [H, W]."""
    normal = cv2.GaussianBlur(distance, (0, 0), 2)
    right, down = (cv2.Sobel(normal, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    length = np.maximum(np.hypot(right, down), 1e-3)
    change = [cv2.Sobel(lab, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1))]
    return np.linalg.norm(change[0] * (right / length)[..., None] + change[1] * (down / length)[..., None], axis=-1)


def traces(seen: Removal, outer: Feature) -> dict[str, float]:
    """Return what has the object's colours beside the hole and in the fill, as shares of what of the object has them.

    Nothing where the object's colours do not tell it from what lies far from it.
    """
    own = seen.mask > 127
    reach = max(LEAST_RING, REACH * longer_side(own)) if own.any() else 0.0
    far = outer > reach
    if not far.any() or not own.any():
        return {}
    before, after = colour_codes(lab_of(seen.image)), colour_codes(lab_of(seen.background))
    telling = histogram(before[own]) > LIKELIER * histogram(after[far])
    had = int((telling[before] & own).sum())
    if had < TELLING * own.sum():
        return {}
    left = cv2.morphologyEx((telling[after] & ~far).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return {"fill_remnant": float(left[~seen.hole].sum()) / had, "fill_traces": float(left[seen.hole].sum()) / had}


def likeness(seen: Removal) -> dict[str, float]:
    """Return the best correlation of the object, at several sizes, with what the fill shows.

    Nothing where the object is too small or too plain for one.
    """
    rows, columns = np.flatnonzero((seen.mask > 127).any(axis=1)), np.flatnonzero((seen.mask > 127).any(axis=0))
    if not len(rows):
        return {}
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    shrink = min(1.0, TEMPLATE / longer_side(seen.mask > 127))
    ground, hole = _small(_grey(seen.background), shrink), _small(seen.hole.astype(np.float32), shrink) > 0.5
    found = []
    for size in SIZES:
        template, own = (
            _small(one, shrink * size) for one in (_grey(seen.image)[box], (seen.mask[box] > 127).astype(np.float32))
        )
        if min(template.shape) < 8 or template[own > 0.5].std() < PLAIN:
            continue
        found.append(_best_match(ground, hole, template, (own > 0.5).astype(np.float32)))
    return {"fill_likeness": max(found)} if found else {}


def _grey(image: Picture) -> Feature:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _small(layer: Feature, scale: float) -> Feature:
    size = (max(1, round(layer.shape[1] * scale)), max(1, round(layer.shape[0] * scale)))
    return cv2.resize(layer, size, interpolation=cv2.INTER_AREA)


def _best_match(ground: Feature, hole: Mask, template: Feature, weight: Feature) -> float:
    """Return the best correlation of a template whose middle lies in the hole."""
    height, width = template.shape
    padded = cv2.copyMakeBorder(ground, height // 2, height // 2, width // 2, width // 2, cv2.BORDER_REFLECT)
    scores = cv2.matchTemplate(padded, template, cv2.TM_CCOEFF_NORMED, mask=weight)
    places = hole[: scores.shape[0], : scores.shape[1]]
    here = scores[: places.shape[0], : places.shape[1]][places]
    return float(np.max(here, initial=0.0, where=np.isfinite(here) & (np.abs(here) <= 1.001)))


def histogram(codes: Feature) -> Feature:
    """Return the share of each bin of colour, smoothed over neighbouring bins, float32 [bins]; none is quite empty."""
    counts = np.bincount(codes, minlength=BINS**3).astype(np.float32).reshape(BINS, BINS, BINS)
    smooth = gaussian_filter(counts, 0.7, mode="constant", truncate=2.0)
    return (smooth / smooth.sum()).reshape(-1) + 1e-6
