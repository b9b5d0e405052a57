"""Object shapes: each class maps local coordinates to coverage, surface normal and albedo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from editmill.manifests.arrays import Feature, Mask

SQRT3 = 3**0.5


@dataclass(frozen=True)
class Surface:
    """Shape samples on a grid: ``inside`` bool [n, n]; ``normal`` float32 [n, n, 3] (x right, y down, z to the eye).

    ``albedo`` float32 [n, n].
    """

    inside: Mask
    normal: Feature
    albedo: Feature


def _normal(nx: Feature, ny: Feature) -> Feature:
    nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0.02, 1))
    return np.stack(np.broadcast_arrays(nx, ny, nz), axis=-1).astype(np.float32)


def _facet(nx: float, ny: float, nz: float) -> Feature:
    vector = np.array([nx, ny, nz], np.float32)
    return vector / np.linalg.norm(vector)


def _white(u: Feature) -> Feature:
    return np.ones(u.shape, np.float32)


def _ball(u: Feature, v: Feature) -> Surface:
    radius = np.hypot(u, v)
    scale = np.where(radius > 0, np.minimum(radius, 0.985) / np.maximum(radius, 1e-6), 0)
    return Surface(radius <= 1, _normal(u * scale, v * scale), _white(u))


def _cube(u: Feature, v: Feature) -> Surface:
    """Return an isometric cube: a hexagon of three rhombi."""
    a, b = u / SQRT3 * 2, v
    inside = (np.abs(u) <= SQRT3 / 2) & (np.abs(b) + np.abs(a) / 2 <= 1)
    top = b < -np.abs(a) / 2
    left = ~top & (u < 0)
    normal = np.where(
        top[..., None], _facet(0, -0.85, 0.5), np.where(left[..., None], _facet(-0.8, 0.4, 0.5), _facet(0.8, 0.4, 0.45))
    )
    return Surface(inside, normal.astype(np.float32), _white(u))


def _round_body(u: Feature, half_width: Feature) -> Feature:
    return _normal(np.clip(u / np.maximum(half_width, 1e-3), -0.97, 0.97), np.float32(0.0) * u)


def _cone(u: Feature, v: Feature) -> Surface:
    half = np.clip((v + 1) / 1.75, 0, 1) * 0.8
    base = (u / 0.8) ** 2 + ((v - 0.72) / 0.24) ** 2 <= 1
    inside = ((np.abs(u) <= half) & (v >= -1) & (v <= 0.75)) | base
    return Surface(inside, _round_body(u, np.maximum(half, 0.05)), _white(u))


def _cylinder(u: Feature, v: Feature) -> Surface:
    half = np.full_like(u, 0.62)
    top = (u / 0.62) ** 2 + ((v + 0.72) / 0.22) ** 2 <= 1
    bottom = (u / 0.62) ** 2 + ((v - 0.72) / 0.22) ** 2 <= 1
    inside = ((np.abs(u) <= 0.62) & (np.abs(v) <= 0.72)) | top | bottom
    normal = np.where(top[..., None], _facet(0, -0.75, 0.66), _round_body(u, half))
    return Surface(inside, normal.astype(np.float32), np.where(top, 1.12, 1.0).astype(np.float32))


def _ring(u: Feature, v: Feature) -> Surface:
    radius = np.maximum(np.hypot(u, v), 1e-6)
    tube = np.clip((radius - 0.70) / 0.30, -0.97, 0.97)
    return Surface(np.abs(radius - 0.70) <= 0.30, _normal(u / radius * tube, v / radius * tube), _white(u))


def _star(u: Feature, v: Feature) -> Surface:
    """Return a bevelled five-point star: ten facets meeting in a raised centre."""
    angle = np.arctan2(u, -v)
    sector = np.mod(angle, 2 * np.pi / 5) - np.pi / 5
    radius = np.hypot(u, v)
    folded = np.abs(sector)
    tip, notch = 1.0, 0.45
    # A line from the tip (at |sector| = pi/5) to the notch (at |sector| = 0).
    ax, ay = tip * np.cos(np.pi / 5), tip * np.sin(np.pi / 5)
    bx, by = notch, 0.0
    px, py = radius * np.cos(folded), radius * np.sin(folded)
    side = (ax - bx) * (py - by) - (ay - by) * (px - bx)
    inside = side >= 0
    centre = angle - sector
    tilt = centre + np.where(sector > 0, 1, -1) * 0.62
    normal = np.stack([0.62 * np.sin(tilt), -0.62 * np.cos(tilt), np.full_like(u, 0.78)], axis=-1)
    return Surface(inside, normal.astype(np.float32), _white(u))


def _mug(u: Feature, v: Feature) -> Surface:
    # To the left, so that body and handle together are centred.
    x = u + 0.22
    half = np.full_like(u, 0.62)
    rim = (x / 0.62) ** 2 + ((v + 0.62) / 0.20) ** 2
    bottom = (x / 0.62) ** 2 + ((v - 0.68) / 0.20) ** 2 <= 1
    body = ((np.abs(x) <= 0.62) & (v >= -0.62) & (v <= 0.68)) | bottom | (rim <= 1)
    handle_radius = np.hypot((u - 0.42) / 0.48, (v - 0.03) / 0.50)
    handle = (np.abs(handle_radius - 0.76) <= 0.22) & (u > 0.36) & ~body
    tube = np.clip((handle_radius - 0.76) / 0.22, -0.97, 0.97)
    normal = np.where(handle[..., None], _normal(tube * 0.8, tube * 0.2), _round_body(x, half))
    hollow = rim <= 0.72
    albedo = np.where(hollow, 0.36 + 0.22 * np.clip((v + 0.8) / 0.3, 0, 1), np.where(rim <= 1, 1.15, 1.0))
    return Surface(body | handle, normal.astype(np.float32), albedo.astype(np.float32))


def _bottle(u: Feature, v: Feature) -> Surface:
    shoulder = np.clip((v + 0.42) / 0.32, 0, 1)
    half = np.where(v < -0.42, 0.15, 0.15 + 0.27 * np.sin(shoulder * np.pi / 2))
    cap = (v >= -1) & (v <= -0.80) & (np.abs(u) <= 0.20)
    bottom = (u / 0.42) ** 2 + ((v - 0.86) / 0.13) ** 2 <= 1
    inside = ((np.abs(u) <= half) & (v >= -1) & (v <= 0.86)) | bottom | cap
    width = np.where(cap, 0.20, half)
    label = (v > 0.12) & (v < 0.55)
    albedo = np.where(cap, 0.45, np.where(label, 1.28, 1.0))
    return Surface(inside, _round_body(u, width), albedo.astype(np.float32))


SHAPES: dict[str, Callable[[Feature, Feature], Surface]] = {
    "ball": _ball,
    "cube": _cube,
    "cone": _cone,
    "cylinder": _cylinder,
    "ring": _ring,
    "star": _star,
    "mug": _mug,
    "bottle": _bottle,
}
