"""How selection concentrates the guards' errors, measured on the tabletop world, which knows every label.

    python -m editmill.packs.tabletop.studies.selection_noise

Per scene there are candidates whose label is right (round trips, other grounds, other colours) and candidates whose
label was destroyed. Sets of them with a known share of wrong labels pass a guard; each mode of selection then takes
some. Wrong labels among those are counted, and compared with what ``label_noise`` makes of the measured rates.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from editmill.generators.base.images import decode_image, encode_image
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.guards.ensemble.calibration import Calibrator, KnownPicture, calibrate, round_trips, show
from editmill.generators.guards.ensemble.destroyers import destroyed
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.limits import Limits
from editmill.generators.guards.ensemble.rates import Tally
from editmill.generators.guards.ensemble.rule import decide
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.synthesis.selection import label_noise, select
from editmill.generators.synthesis.settings import SelectionSettings
from editmill.manifests.arrays import Feature
from editmill.manifests.guard_report import GUARD_REPORT, ErrorRate, read_guard_report
from editmill.manifests.seeds import derive_seed
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.source import TabletopSource, TabletopSpec
from editmill.packs.tabletop.studies.guard_truth import CALIBRATION, world_pictures
from editmill.packs.tabletop.world import CLASSES
from editmill.packs.tabletop.world.scene import plan_scene, render_scene
from editmill.packs.tabletop.world.vocabulary import COLOURS

# Scenes that neither calibration nor its check on the truth use.
SCENES = 6_000_000
SURROGATES = ("classifier_weak", "classifier")
RECOLOURED = 2
SETTINGS = EnsembleSettings(verifiers=SURROGATES)
MODES: Mapping[str, SelectionSettings] = {
    "untargeted": SelectionSettings(count=2),
    "diverse": SelectionSettings(mode="diverse", count=2),
    "surrogate, 1 of 2": SelectionSettings(mode="surrogate", count=2, surrogates=SURROGATES, least_wrong=1),
    "surrogate, 2 of 2": SelectionSettings(mode="surrogate", count=2, surrogates=SURROGATES, least_wrong=2),
}


@dataclass(frozen=True)
class Proposal:
    """A candidate whose truth is known.

    Attributes:
        right: Whether its label is.
        scores: Of the ensemble.
        misled: Whether each surrogate gets it wrong.
        feature: Of the whole frame, float32 [width].
    """

    right: bool
    scores: Mapping[str, float]
    misled: tuple[bool, ...]
    feature: Feature


@dataclass(frozen=True)
class Pool:
    """The candidates of one scene."""

    source: str
    class_name: str
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True)
class Gate:
    """A guard over stored scores."""

    name: str
    settings: EnsembleSettings
    limits: Limits | None

    def passes(self, pool: Pool, one: Proposal) -> bool:
        """Return whether the guard lets a candidate pass."""
        return not decide(one.scores, pool.class_name, self.settings, self.limits)


def pictures_of(source: LoadedSource, other: LoadedSource, models: Models) -> Iterator[KnownPicture]:
    """Yield right and wrong candidates of one scene; its own unedited picture is none."""
    for role, trip in round_trips(models).items():
        yield KnownPicture(role, True, show(source, trip(source.image), source.mask, sourced=True))
    yield from world_pictures(source, other, sourced=True)
    yield from recoloured(source)
    rng = np.random.default_rng(derive_seed(0, source.record.id, "noise", 0, 0))
    for one in destroyed(source, other, rng):
        yield KnownPicture(one.operator, False, show(source, one.image, one.mask, sourced=True))


def recoloured(source: LoadedSource) -> Iterator[KnownPicture]:
    """Yield the scene with its object in other colours that the world draws it in."""
    split, address = source.record.image.removeprefix("tabletop:").split("/")
    plan = plan_scene(split, int(address))
    main = plan.objects[0]
    place = CLASSES.index(main.name)
    # The pairs of class and colour that training never shows stay out.
    known = [name for number, name in enumerate(COLOURS) if (place + number) % len(CLASSES) and name != main.colour]
    for name in np.random.default_rng(derive_seed(0, source.record.id, "colour", 0, 0)).permutation(known)[:RECOLOURED]:
        scene = render_scene(
            replace(plan, objects=(replace(main, colour=str(name)),)), split, int(address), size=source.image.shape[0]
        )
        yield KnownPicture("other_colour", True, show(source, scene.image, source.mask, sourced=True))


def look(ensemble: GuardEnsemble, scenes: int) -> list[Pool]:
    """Score the candidates of ``scenes`` scenes."""
    source = TabletopSource(TabletopSpec(start=SCENES, count=scenes))
    records = list(source.records())
    pools = []
    for number, record in enumerate(records):
        following = (*records[number + 1 :], *records[:number])
        partner = next(other for other in following if other.class_name != record.class_name)
        made = list(pictures_of(source.load(record), source.load(partner), ensemble.models))
        # Guards judge stored bytes, so candidates go through PNG as in a build.
        shown = [replace(one.shown, image=decode_image(encode_image(one.shown.image, "png"))) for one in made]
        assert ensemble.encoder is not None
        features = ensemble.encoder.identities([one.image for one in shown])
        proposals = (
            Proposal(one.clean, scores, tuple(not scores[f"verifier_{role}_agrees"] for role in SURROGATES), feature)
            for one, scores, feature in zip(made, ensemble.scores(shown), features, strict=True)
        )
        pools.append(Pool(record.id, record.class_name, tuple(proposals)))
    return pools


@dataclass(frozen=True)
class Noise:
    """Wrong labels under one guard and one share of destroyed candidates.

    Attributes:
        gate, share: The guard, and the share.
        wrong: F, wrong labels among the accepted.
        failures: By surrogate mode its e_bad and e_good, failures on wrong and on right labels among the accepted.
        modes: By mode, wrong labels among the selected.
    """

    gate: str
    share: float
    wrong: ErrorRate
    failures: Mapping[str, tuple[ErrorRate, ErrorRate]]
    modes: Mapping[str, ErrorRate]

    def expected(self, mode: str) -> float:
        """Return the noise that the formula gives; f itself for modes that don't ask surrogates."""
        if mode not in self.failures:
            return self.wrong.rate
        bad, good = self.failures[mode]
        return label_noise(self.wrong.rate, bad.rate, good.rate)


def measure(
    pools: Sequence[Pool], gate: Gate, *, share: float, candidates: int = 6, draws: int = 40, seed: int = 0
) -> Noise:
    """Draw sets of candidates of every scene, and count.

    Args:
        pools: Scored candidates.
        gate: The guard.
        share: Of destroyed candidates in each set, in expectation.
        candidates: Size of a set.
        draws: Sets per scene; intervals are those of the effective number of pictures, since sets of one scene are
            alike.
        seed: Of the draws.
    """
    wrong, modes = Tally.empty(), {mode: Tally.empty() for mode in MODES}
    asked = {mode: settings for mode, settings in MODES.items() if settings.mode == "surrogate"}
    failures = {mode: (Tally.empty(), Tally.empty()) for mode in asked}
    for pool in pools:
        # A stream for each scene, so that their number changes no draw.
        rng = np.random.default_rng(derive_seed(seed, pool.source, gate.name, 0, round(1000 * share)))
        passed = [gate.passes(pool, one) for one in pool.proposals]
        for _ in range(draws):
            chosen = draw(pool, rng, share=share, candidates=candidates)
            proposals, accepted = [pool.proposals[number] for number in chosen], [passed[number] for number in chosen]
            misled = np.array([one.misled for one in proposals])
            for one, yes in zip(proposals, accepted, strict=True):
                if yes:
                    wrong.add(pool.source, not one.right)
                    for mode, settings in asked.items():
                        failures[mode][int(one.right)].add(pool.source, sum(one.misled) >= settings.least_wrong)
            for mode, settings in MODES.items():
                taken = select(
                    settings, accepted, embeddings=np.stack([one.feature for one in proposals]), wrong=misled
                )
                for number in taken:
                    modes[mode].add(pool.source, not proposals[number].right)
    return Noise(
        gate.name,
        share,
        wrong.rate("accepted", "wrong"),
        {mode: (bad.rate(mode, "bad"), good.rate(mode, "good")) for mode, (bad, good) in failures.items()},
        {mode: tally.rate(mode, "selected") for mode, tally in modes.items()},
    )


def draw(pool: Pool, rng: np.random.Generator, *, share: float, candidates: int) -> list[int]:
    """Return numbers of a set of candidates in the order in which they are proposed.

    Each is a destroyed one with probability ``share``.
    """
    bad = [number for number, one in enumerate(pool.proposals) if not one.right]
    good = [number for number, one in enumerate(pool.proposals) if one.right]
    count = min(int(rng.binomial(candidates, share)), len(bad))
    chosen = [*rng.permutation(bad)[:count], *rng.permutation(good)[: candidates - count]]
    return [int(number) for number in rng.permutation(chosen)]


def print_noise(found: Noise) -> None:
    """Print a line per mode."""
    share = f"{found.wrong.rate:.2%} ({found.wrong.low:.2%} to {found.wrong.high:.2%})"
    print(f"\n{found.gate}, {found.share:.0%} of the candidates destroyed: {share} wrong among accepted")
    for mode, rate in found.modes.items():
        rates = found.failures.get(mode)
        told = "" if rates is None else f"   e_bad {rates[0].rate:.1%}, e_good {rates[1].rate:.1%}"
        inside = "inside" if rate.low <= found.expected(mode) <= rate.high else "OUTSIDE"
        print(
            f"{mode:20} {rate.errors:6}/{rate.pictures:<6} of {rate.sources:3} scenes {rate.rate:7.2%}  "
            f"{rate.low:.2%} to {rate.high:.2%}   "
            f"formula {found.expected(mode):.2%} {inside}{told}"
        )


def main() -> None:
    """Score, draw, select, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--scenes", type=int, default=96, help="scenes whose candidates are drawn (default: %(default)s)"
    )
    parser.add_argument("--calibration", type=int, default=160, help="scenes to calibrate on (default: %(default)s)")
    parser.add_argument(
        "--report", type=Path, help=f"folder with the {GUARD_REPORT} of a calibration, in place of one's own"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    started = time.process_time()
    ensemble = GuardEnsemble(Models(read_pack(PACK), Placement(device="cpu")), SETTINGS, class_names=CLASSES)
    if options.report is not None:
        report = read_guard_report(options.report)
    else:
        known = TabletopSource(TabletopSpec(start=CALIBRATION, count=options.calibration))
        report = calibrate(known, list(known.records()), Calibrator(ensemble))
    pools = look(ensemble, options.scenes)
    print(
        f"{len(pools)} scenes, {sum(one.right for pool in pools for one in pool.proposals)} right candidates, "
        f"{sum(not one.right for pool in pools for one in pool.proposals)} destroyed ones"
    )
    gates = (
        Gate("calibrated ensemble", SETTINGS, Limits.of_report(report)),
        Gate("CLIP margin above 0", SETTINGS.model_copy(update={"gates": ("label_clip",)}), None),
    )
    for gate in gates:
        for share in (0.1, 0.3, 0.5):
            print_noise(measure(pools, gate, share=share))
    print(f"\n{time.process_time() - started:.0f} s of one core")


if __name__ == "__main__":
    main()
