"""A dataset of regenerated watermarks whose match counts are what a test says, written through the data contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from editmill.manifests import (
    Dataset,
    SampleRow,
    ShardStats,
    SourceRecord,
    SourcesRecord,
    canonical_json,
    derive_seed,
    merge_counts,
    open_dataset,
    read_rows,
    sample_key,
    shard_of,
    sources_digest,
    write_dataset_files,
    write_rows,
    write_shard,
)
from editmill.manifests.records import Manifest
from editmill.manifests.store import Store
from tests.manifests.builder import encode_png, make_sources

NAME, FINGERPRINT = "marks", "f" * 64
MEMBERS = ("cls", "json", "png")
SCORES = ("cosine_input", "embed_psnr", "embed_ssim", "psnr_input", "psnr_source", "ssim_input", "ssim_source")


@dataclass(frozen=True)
class Rung:
    """An attack and what it does to bits: ``keep`` is the chance that a bit of a mark survives as embedded."""

    name: str
    start: str
    timestep: int
    snr: float | None
    keep: float
    ssim: float
    ladder: bool = True


LADDER = (
    Rung("pipeline", "none", -1, None, 1.0, 1.0),
    Rung("vae", "vae", -1, None, 0.9, 0.95),
    Rung("s12", "partial", 119, 40.0, 0.6, 0.9),
    Rung("s50", "partial", 499, 0.5, 0.2, 0.7),
    Rung("terminal", "terminal", 999, 0.005, 0.05, 0.5),
    Rung("clean", "clean", 999, 0.0, 0.0, 0.4),
)
ARM = Rung("clean-no-control", "clean", 999, 0.0, 0.0, 0.2, ladder=False)


@dataclass
class Plan:
    """What to write.

    Attributes:
        matches: Overrides the matches of a detection, by (scheme, rung, source number, positive); None leaves them
            random.
        error: Text of a decoding error, "" for none.
        problem: (status, reason) of a sample that does not exist, by (scheme or "", rung, source number).
        flat_share: Of a source.
    """

    sources: int = 20
    schemes: Sequence[tuple[str, int]] = (("alpha", 32),)
    rungs: Sequence[Rung] = LADDER
    replicated: int = 0
    matches: Callable[[str, str, int, bool], int | None] = lambda scheme, rung, number, positive: None
    error: Callable[[str, str, int, bool], str] = lambda scheme, rung, number, positive: ""
    problem: Callable[[str, str, int], tuple[str, str] | None] = lambda scheme, rung, number: None
    flat_share: Callable[[int], float] = lambda number: number / 1000
    seed: int = 0
    shards: int = 1
    fields: dict[str, Any] = field(default_factory=dict)


def build(root: Path, plan: Plan | None = None, **changes: Any) -> Dataset:
    """Write a plan's dataset and open it; ``changes`` are fields of the plan."""
    plan = plan or Plan(**changes)
    planned = _planned(plan)
    stats = []
    for shard in range(plan.shards):
        mine = [(number, row) for number, row in planned if row.shard == shard]
        stats.append(
            write_shard(
                root,
                ((row, _members(number, row) if row.status == "ok" else {}) for number, row in mine),
                name=NAME,
                split="test",
                shard=shard,
                fingerprint=FINGERPRINT,
                members=MEMBERS,
                score_names=SCORES,
            )
        )
    write_dataset_files(root, _manifest(plan, stats))
    return open_dataset(root)


def tabulate(root: Path, **changes: Any) -> Dataset:
    """The same without pictures, for datasets that are large."""
    plan = Plan(**changes)
    rows = [row for _, row in _planned(plan)]
    write_rows(root / "rows.parquet", rows, members=(), score_names=SCORES)
    return Dataset(Store(root), _manifest(plan, []), read_rows(root / "rows.parquet"))


def _planned(plan: Plan) -> list[tuple[int, SampleRow]]:
    rng = np.random.default_rng(plan.seed)
    return [
        (number, _row(plan, rng, source, number, rung, scheme, replica))
        for number, source in enumerate(make_sources(plan.sources))
        for replica in range(2 if number < plan.replicated else 1)
        for rung in plan.rungs
        for scheme in (None, *plan.schemes)
    ]


def _manifest(plan: Plan, stats: list[ShardStats]) -> Manifest:
    sources = make_sources(plan.sources)
    manifest = Manifest(
        name=NAME,
        version="1.0.0",
        generator="watermark",
        fingerprint=FINGERPRINT,
        recipe=_recipe(plan),
        code_version="0.1.0",
        code_commit="0" * 40,
        environment={},
        sources=SourcesRecord(name="tiny", count=len(sources), licence="CC0-1.0", digest=sources_digest(sources)),
        members=MEMBERS,
        score_names=SCORES,
        edits=tuple(rung.name for rung in plan.rungs),
        class_names={0: "unmarked", 1: "watermarked"},
        counts=merge_counts(part.counts for part in stats),
        shards=tuple(part.record() for part in stats),
    )
    return manifest.model_copy(update=plan.fields)


def _recipe(plan: Plan) -> dict[str, Any]:
    schemes = [{"name": name, "bits": bits} for name, bits in plan.schemes]
    attacks = [
        {"name": rung.name, "start": rung.start, "n_steps": max(rung.timestep, 0) // 20, "ladder": rung.ladder}
        for rung in plan.rungs
    ]
    return {"name": NAME, "generator": {"schemes": schemes, "attacks": attacks}}


def _row(
    plan: Plan,
    rng: np.random.Generator,
    source: SourceRecord,
    number: int,
    rung: Rung,
    scheme: tuple[str, int] | None,
    replica: int,
) -> SampleRow:
    name = scheme[0] if scheme else ""
    problem = plan.problem(name, rung.name, number)
    readers = [scheme] if scheme else list(plan.schemes)
    detections = [_detection(plan, rng, one, rung, number, positive=scheme is not None) for one in readers]
    parameters = {
        "attack": _attack(rung),
        "watermark": {
            "scheme": name,
            "package": "p",
            "version": "1",
            "bits": scheme[1],
            "key_id": "k",
            "commitment": "c",
        }
        if scheme
        else {},
        "source": {
            "licence": "CC0-1.0",
            "rights_basis": "own",
            "width": 16,
            "height": 16,
            "flat_share": plan.flat_share(number),
        },
        "detections": [] if problem else detections,
        "notice": "regenerated for robustness research",
    }
    jitter = number % 5 / 100
    psnr = 20 + 10 * rung.ssim
    scores = {
        "psnr_input": psnr,
        "ssim_input": max(0.0, rung.ssim - jitter),
        "psnr_source": psnr - 1,
        "ssim_source": rung.ssim / 2,
    }
    if scheme:
        scores |= {"embed_psnr": 40.0, "embed_ssim": 0.99}
    return SampleRow(
        key=sample_key(source.id, f"{rung.name}-{name or 'unmarked'}", replica),
        split="test",
        shard=shard_of(source.id, plan.shards),
        status="ok" if problem is None else problem[0],
        reasons=() if problem is None else (problem[1],),
        source_id=source.id,
        source_sha256=source.sha256,
        label=int(scheme is not None),
        class_name="watermarked" if scheme else "unmarked",
        generator="watermark",
        edit=rung.name,
        level=0.0,
        replica=replica,
        seed=derive_seed(7, source.id, rung.name),
        parameters=parameters,
        scores={} if problem else scores,
    )


def _attack(rung: Rung) -> dict[str, Any]:
    snr = rung.snr
    share = 1.0 if snr is None else (snr / (1 + snr)) ** 0.5
    return {
        "rung": rung.name,
        "start": rung.start,
        "timestep": rung.timestep,
        "sqrt_alpha_bar": share,
        "snr": snr,
        "codec": "png",
    }


def _detection(
    plan: Plan, rng: np.random.Generator, scheme: tuple[str, int], rung: Rung, number: int, *, positive: bool
) -> dict[str, Any]:
    name, bits = scheme
    error = plan.error(name, rung.name, number, positive)
    key, noise = rng.random(bits) < 0.5, rng.random(bits) < 0.5
    read = np.where(rng.random(bits) < rung.keep, key, noise) if positive else noise
    wanted = plan.matches(name, rung.name, number, positive)
    if wanted is not None:
        read = np.where(np.arange(bits) < wanted, key, ~key)
    matches = int((read == key).sum())
    if error:
        return {
            "scheme": name,
            "detector": "d",
            "bits": bits,
            "scores": [],
            "matches": None,
            "p_value": 1.0,
            "error": error,
        }
    scores = np.where(read, 1.0, -1.0) * (0.1 + rng.random(bits))
    p_value = _tails(bits)[matches]
    return {
        "scheme": name,
        "detector": "d",
        "bits": bits,
        "scores": scores.tolist(),
        "matches": matches,
        "p_value": p_value,
        "error": "",
    }


@lru_cache
def _tails(bits: int) -> list[float]:
    return [float(value) for value in binom.sf(np.arange(-1, bits), bits, 0.5)]


def _members(number: int, row: SampleRow) -> dict[str, bytes]:
    """The red channel says whether a mark is there, the green one the source."""
    pixels: Mapping[int, int] = {0: 200 * row.label, 1: number % 256, 2: 0}
    image = np.zeros((12, 16, 3), dtype=np.uint8)
    for channel, value in pixels.items():
        image[..., channel] = value
    return {"png": encode_png(image), "cls": str(row.label).encode(), "json": canonical_json({"key": row.key})}
