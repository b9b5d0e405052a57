"""Whether a calibration tells the truth, measured on the tabletop world, which knows what is drawn.

    python -m editmill.packs.tabletop.studies.guard_truth

Guards are calibrated on one set of scenes. Their false accepts and false rejections are then counted on scenes that
calibration never saw: on the operators that it knows, and on pictures that only the world can draw.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import torch

from editmill.generators.base.loaded import LoadedSource
from editmill.generators.compositing.removal import make_remover
from editmill.generators.guards.ensemble.calibration import Calibrator, KnownPicture, report_of, score_sources, show
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.figures import OVERALL, Figures, Scored
from editmill.generators.guards.ensemble.limits import Limits
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.manifests.guard_report import ENSEMBLE, ErrorRate, GuardReport, write_guard_report
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.source import TabletopSource, TabletopSpec
from editmill.packs.tabletop.world import CLASSES, GROUNDS
from editmill.packs.tabletop.world.scene import plan_scene, render_scene

# Held-out scenes that neither training, nor checks, nor recipes use.
CALIBRATION, TRUTH = 700_000, 5_000_000
# What the world draws beside the operators: the label is wrong in the first two, and right in the third.
REDRAWN, BARE, REGROUNDED = "redrawn", "bare_ground", "other_ground"
WORLD = (REDRAWN, BARE, REGROUNDED)
Rule = Literal["all", "k_of_n", "calibrated"]
RULES: tuple[Rule, ...] = get_args(Rule)


def world_pictures(source: LoadedSource, other: LoadedSource, *, sourced: bool) -> Iterator[KnownPicture]:
    """Yield the scene with another class's object of the same colour, place and light, the scene's bare ground, and its
    object on another ground.
    """
    split, address = source.record.image.removeprefix("tabletop:").split("/")
    index, size = int(address), source.image.shape[0]
    plan = plan_scene(split, index)
    main = plan.objects[0]
    rng = np.random.default_rng(derive_seed(0, source.record.id, "truth", 0, 0))
    names, grounds = [name for name in CLASSES if name != main.name], [name for name in GROUNDS if name != plan.ground]
    # The same tint, place and shadow: nothing but the class gives it away.
    redrawn = replace(plan, objects=(replace(main, name=str(rng.choice(names))),))
    wrong = render_scene(redrawn, split, index, size=size)
    mask = np.where(wrong.alphas[0] > 0.5, 255, 0).astype(np.uint8)
    yield KnownPicture(REDRAWN, False, show(source, wrong.image, mask, sourced=sourced))
    yield KnownPicture(BARE, False, show(source, wrong.clean, source.mask, sourced=sourced))
    kept = render_scene(replace(plan, ground=str(rng.choice(grounds))), split, index, size=size)
    yield KnownPicture(REGROUNDED, True, show(source, kept.image, source.mask, sourced=sourced))


@dataclass(frozen=True)
class Truth:
    """The calibration, and the errors counted on scenes that it never saw, of its own kinds of pictures and of the
    world's.

    Attributes:
        report: What calibration says of itself.
        rejections, accepts: Errors on its own kinds.
        world_rejections, world_accepts: Errors on the world's.
    """

    report: GuardReport
    rejections: tuple[ErrorRate, ...]
    accepts: tuple[ErrorRate, ...]
    world_rejections: tuple[ErrorRate, ...]
    world_accepts: tuple[ErrorRate, ...]


@dataclass(frozen=True)
class Seen:
    """Scored scenes: those of the calibration, and those that truth is counted on."""

    calibrator: Calibrator
    records: tuple[SourceRecord, ...]
    calibration: tuple[Scored, ...]
    truth: tuple[Scored, ...]


def look(*, calibration: int, truth: int, sourced: bool) -> Seen:
    """Score ``calibration`` and ``truth`` scenes."""
    models = Models(read_pack(PACK), Placement(device="cpu"))
    calibrator = Calibrator(
        GuardEnsemble(models, EnsembleSettings(), class_names=CLASSES), sourced, remover=make_remover(models)
    )
    first, second = (
        TabletopSource(TabletopSpec(start=start, count=count))
        for start, count in ((CALIBRATION, calibration), (TRUTH, truth))
    )
    records = tuple(first.records())
    known = score_sources(first, records, calibrator)
    more = partial(world_pictures, sourced=sourced)
    return Seen(
        calibrator, records, tuple(known), tuple(score_sources(second, list(second.records()), calibrator, more=more))
    )


def measure(seen: Seen, rule: Rule) -> Truth:
    """Calibrate under a rule, and count on the other scenes."""
    settings = seen.calibrator.ensemble.settings.model_copy(update={"rule": rule})
    report = report_of(
        seen.calibration, seen.calibrator, source=TabletopSource.name, records=seen.records, settings=settings
    )
    own = count([one for one in seen.truth if one.kind not in WORLD], settings, report)
    drawn = count([one for one in seen.truth if one.kind in WORLD], settings, report)
    return Truth(
        report, own.rates(clean=True), own.rates(clean=False), drawn.rates(clean=True), drawn.rates(clean=False)
    )


def count(scored: Sequence[Scored], settings: EnsembleSettings, report: GuardReport) -> Figures:
    """Return errors of a calibrated ensemble on pictures whose truth is known."""
    figures, limits = Figures(settings, report.gates, excluded=report.unguardable), Limits.of_report(report)
    for one in scored:
        figures.add(one, limits)
    return figures


def print_rates(title: str, rates: Sequence[ErrorRate], said: Sequence[ErrorRate] = ()) -> None:
    """Print a line per member and kind; single gates with their overall figure only."""
    claims = {(one.member, one.kind): one for one in said}
    print(f"\n{title}\n{'member':24} {'kind':16} {'errors':>11}   rate  95 % interval        upper   calibration said")
    for one in (one for one in rates if one.kind == OVERALL or one.member == ENSEMBLE):
        claim = claims.get((one.member, one.kind))
        told = (
            ""
            if claim is None
            else f"  {claim.rate:6.2%}, at most {claim.upper:6.2%}: {'held' if one.rate <= claim.upper else 'NOT HELD'}"
        )
        figures = f"{one.rate:6.2%}  {one.low:6.2%} to {one.high:6.2%}  {one.upper:6.2%}"
        print(f"{one.member:24} {one.kind:16} {f'{one.errors}/{one.pictures}':>11} {figures}{told}")


def print_truth(found: Truth) -> None:
    """Print the tables of a measurement."""
    report = found.report
    judges = ", ".join(f"{one.judge} {one.top1:.1%} (ece {one.ece:.3f})" for one in report.judges)
    print(f"rule {report.rule}, alpha {report.alpha:g} over {len(report.gates)} gates, sourced {report.sourced}")
    print(f"top-1 on clean pictures: {judges}")
    print(f"unguardable: {', '.join(report.unguardable) or 'none'}; blind: {', '.join(report.blind) or 'none'}")
    print_rates("false accepts of what calibration's operators made", found.accepts, report.false_accepts)
    print_rates("false accepts of what only the world can draw", found.world_accepts)
    print_rates("false rejections of scenes and their round trips", found.rejections, report.false_rejections)
    print_rates("false rejections of the same object on another ground", found.world_rejections)


def print_summary(found: Truth) -> None:
    """Print the ensemble's errors in one line: what calibration said, and what was counted."""
    said, wrong, clean = found.report.accepts(), found.accepts[0], found.rejections[0]
    print(
        f"{found.report.rule:11} false accepts: said at most {said.upper:.2%}, counted "
        f"{wrong.errors}/{wrong.pictures} = {wrong.rate:.2%} "
        f"({wrong.low:.2%} to {wrong.high:.2%}, at most {wrong.upper:.2%}); false rejections: said "
        f"{found.report.rejections().rate:.2%}, "
        f"counted {clean.errors}/{clean.pictures} = {clean.rate:.2%}"
    )


def main() -> None:
    """Calibrate, count, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calibration", type=int, default=160, help="scenes to calibrate on (default: %(default)s)")
    parser.add_argument("--truth", type=int, default=152, help="scenes to count on (default: %(default)s)")
    parser.add_argument(
        "--rule", choices=RULES, default="all", help="rule whose tables are printed (default: %(default)s)"
    )
    parser.add_argument(
        "--sourceless",
        action="store_true",
        help="show neither source nor mask to the guards, as of pictures made from text",
    )
    parser.add_argument("--out", type=Path, help="folder for guard_report.json")
    options = parser.parse_args()
    # As in builds: sums in another order have other last bits, on which thresholds may turn.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    started = time.process_time()
    seen = look(calibration=options.calibration, truth=options.truth, sourced=not options.sourceless)
    found = {rule: measure(seen, rule) for rule in RULES}
    print_truth(found[options.rule])
    print()
    for one in found.values():
        print_summary(one)
    print(f"\n{time.process_time() - started:.0f} s of one core")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        print(write_guard_report(options.out, found[options.rule].report))


if __name__ == "__main__":
    main()
