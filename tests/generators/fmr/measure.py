"""FMR of the embedded pack's classifiers: ``python -m tests.generators.fmr.measure --out FOLDER``.

Minutes on one core, no test.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from editmill.generators.fmr.latent_ascent import Ascent, LatentAscent
from editmill.generators.fmr.oracle import Subject, ZeroShotOracle
from editmill.generators.fmr.settings import AscentSettings
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.models.preprocessing import load_processor
from editmill.manifests.arrays import Picture
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.source import TabletopSource, TabletopSpec
from editmill.packs.tabletop.world import CLASSES

TARGETS = ("classifier", "classifier_vit", "classifier_weak")
SHOWN = 12


def subjects_of(count: int, start: int) -> list[Subject]:
    """Held-out scenes with one object."""
    source = TabletopSource(TabletopSpec(split="heldout", count=count, start=start))
    return [
        Subject(record.id, source.load(record).image, record.label, record.class_name) for record in source.records()
    ]


@torch.no_grad()
def predictions(models: Models, role: str, images: list[Picture]) -> list[int]:
    """Classes by a classifier with its own processor, as an evaluator asks it."""
    model, processor = models.get(role), load_processor(models, role)
    return [int(model(**processor(images=image, return_tensors="pt")).logits.argmax()) for image in images]


def share(values: list[bool]) -> float:
    """The share in per cent."""
    return round(100 * float(np.mean(values)), 1) if values else float("nan")


def summary(
    models: Models, subjects: list[Subject], ascents: list[Ascent], settings: AscentSettings
) -> dict[str, object]:
    """SA, PA(b), FMR, validation rates and transfer on the eligible sources."""
    chosen = [(subject, ascent) for subject, ascent in zip(subjects, ascents, strict=True) if ascent.images]
    labels = [subject.label for subject, _ in chosen]
    originals = [subject.image for subject, _ in chosen]

    def accuracy(role: str, images: list[Picture]) -> float:
        return share([label == found for label, found in zip(labels, predictions(models, role, images), strict=True)])

    standard = accuracy(settings.target, originals)
    curve = {
        budget: accuracy(settings.target, [ascent.images[budget] for _, ascent in chosen])
        for budget in settings.checkpoints
    }
    first, last = settings.checkpoints[0], settings.checkpoints[-1]
    return {
        "sources": len(subjects),
        "eligible": len(chosen),
        "stops": dict(Counter(ascent.stop for ascent in ascents)),
        "valid_looks": share([step.valid for ascent in ascents for step in ascent.steps]),
        "SA": standard,
        "PA": curve,
        "FMR": {budget: round(100 * value / standard, 1) for budget, value in curve.items()},
        "transfer": {
            role: [accuracy(role, [a.images[b] for _, a in chosen]) for b in (first, last)] for role in TARGETS
        },
        "judge_2": share(
            [float(v) > 0 for v in _margins(models, [s for s, _ in chosen], [a.images[last] for _, a in chosen])]
        ),
        "emitted": float(np.mean([ascent.emitted.budget for _, ascent in chosen if ascent.emitted])),
        "rms": round(float(np.mean([_rms(a.images[last], a.images[0]) for _, a in chosen])), 2),
        "evaluations": float(np.mean([ascent.evaluations for ascent in ascents])),
    }


def _margins(models: Models, subjects: list[Subject], images: list[Picture]) -> list[float]:
    oracle = ZeroShotOracle(ZeroShotJudge(models, role="zero_shot_2"), CLASSES)
    return [verdict.scores["label_margin"] for verdict in oracle(subjects, images)]


def _rms(first: Picture, second: Picture) -> float:
    return float(np.sqrt(np.mean((first.astype(float) - second) ** 2)))


def sheet(subjects: list[Subject], ascents: list[Ascent], settings: AscentSettings) -> Picture:
    """A row per source: the original, then the pictures at each budget."""
    rows = [
        np.hstack([subject.image, *(ascent.images[budget] for budget in settings.checkpoints)])
        for subject, ascent in zip(subjects, ascents, strict=True)
        if ascent.images
    ][:SHOWN]
    half = (len(rows) + 1) // 2
    columns = [np.vstack(rows[:half]), np.vstack(rows[half:])]
    height = columns[0].shape[0]
    return np.hstack([np.pad(column, ((0, height - len(column)), (0, 8), (0, 0))) for column in columns])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--networks", nargs="+", default=["vq", "autoencoder"])
    parser.add_argument("--targets", nargs="+", default=list(TARGETS))
    parser.add_argument("--set", nargs="*", default=[], help="NAME=VALUE of AscentSettings")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    models, subjects = Models(read_pack(PACK), Placement(device="cpu")), subjects_of(options.count, options.start)
    oracle = ZeroShotOracle(ZeroShotJudge(models), CLASSES)
    changes = dict(change.split("=", 1) for change in options.set)
    for network in options.networks:
        for target in options.targets:
            settings = AscentSettings.model_validate({"network": network, "target": target, **changes})
            began = time.perf_counter()
            ascents = LatentAscent(models, settings, oracle).run(subjects)
            seconds = round(time.perf_counter() - began, 1)
            found = {
                "network": network,
                "target": target,
                "eta": settings.eta,
                "mode": settings.mode,
                "seconds": seconds,
            }
            found |= summary(models, subjects, ascents, settings)
            name = f"{network}-{target}-{settings.mode}-{settings.eta:g}-{settings.budget}"
            (options.out / f"{name}.json").write_text(json.dumps(found, indent=1))
            Image.fromarray(sheet(subjects, ascents, settings)).save(options.out / f"{name}.png")
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
