"""What the guards of a dataset were measured to do: thresholds, false rejections and false accepts, in
``guard_report.json``.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, ValidationError, model_validator

from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json, digest
from editmill.manifests.errors import CorruptDatasetError, DataError, RequestError
from editmill.manifests.records import Count, Record, Sha256, Sha256OrNone
from editmill.manifests.store import Store
from editmill.manifests.wording import first_problem

GUARD_REPORT = "guard_report.json"
# The member under whose name the whole ensemble's figures stand, and the same without what needs a source picture.
ENSEMBLE, SOURCELESS = "ensemble", "ensemble_without_source"
# The class under whose name thresholds of all classes together stand.
POOLED = ""
# A threshold that is the k-th smallest score for a smaller k varies much from one draw of sources to the next.
LEAST_RANK = 5
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class GateThreshold(Record):
    """The least score with which one gate lets pictures of one class pass.

    Attributes:
        gate: The gate's name, or ``joint`` for the product of all gates.
        class_name: The class; empty for all classes together, which is used for classes that were not calibrated.
        sources: Clean sources that it rests on.
        rank: K of the k-th smallest clean score; 0 where there are too few sources for one.
        own: That score; None for rank 0.
        threshold: What binds; None leaves the gate's own limit.
        origin: ``own``, ``shrunk`` (mixed with the pooled one), ``pooled``, or ``none``.
    """

    gate: str
    class_name: str
    sources: Count
    rank: Count
    own: FiniteFloat | None
    threshold: FiniteFloat | None
    origin: Literal["own", "shrunk", "pooled", "none"]


class GateCurve(Record):
    """P(the label is right | score) of one gate: the logistic function of ``slope * score + intercept`` (Platt
    1999).
    """

    gate: str
    slope: FiniteFloat
    intercept: FiniteFloat


class ErrorRate(Record):
    """How often one member errs on one kind of picture.

    Attributes:
        member: A gate, ``ensemble``, or ``ensemble_without_source``.
        kind: The kind of picture, or ``overall``.
        sources: Independent sources that the pictures were made of.
        pictures: Pictures about which the member was asked.
        effective: Independent pictures that surely tell as much, since pictures of one source are alike; it follows
            from the pictures per source alone, not from errors.
        errors: Clean pictures that it rejected, or label-destroying ones that it accepted.
        rate: Errors / pictures; 0 without any picture.
        low, high: Exact two-sided 95 % interval (Clopper & Pearson 1934) for the effective number of pictures.
        upper: Exact one-sided 95 % upper bound, likewise.
    """

    member: str
    kind: str
    sources: Count
    pictures: Count
    effective: Annotated[FiniteFloat, Field(ge=0)]
    errors: Count
    rate: Share
    low: Share
    high: Share
    upper: Share


class ClassQuality(Record):
    """How the label judges know one class on clean sources.

    Attributes:
        class_name: The class.
        sources: Clean sources of it.
        recall: By gate, the share of clean sources and round trips whose margin over the confusable names is above 0.
        passed: Share of clean pictures that the ensemble lets pass.
        guardable: Whether every recall reaches ``r_min``; other classes are excluded.
    """

    class_name: str
    sources: Count
    recall: dict[str, Share]
    passed: Share
    guardable: bool


class JudgeQuality(Record):
    """One judge on clean pictures: ``top1`` over all class names, and ``ece`` of its probability (15 bins; Guo et al.
    2017, arXiv 1706.04599).
    """

    judge: str
    pictures: Count
    top1: Share
    ece: Share


class GuardReport(Record):
    """The calibration of a guard ensemble.

    Its canonical JSON is ``guard_report.json``, and its digest is in every row.

    Attributes:
        inputs: Digest of everything that it was measured from; empty where nobody said.
        pack: The model pack.
        models: Weights digest by role, of everything that gates.
        verifiers: Weights digest by role of the held-out verifiers, which never gate.
        settings: Digest of the ensemble's settings.
        source: Name of the source; ``sources_digest`` is over the ids and digests of the pictures used.
        sourced: Whether guards saw source pictures and masks, as for edits, or neither, as for pictures made from text.
        rule, k: How gates are put together; ``k`` counts for ``k_of_n`` only.
        gates: The binding gates.
        alpha: Clean rejections allowed to the whole ensemble.
        r_min: Least recall of a guardable class.
        thresholds: Those that bind, of all sources.
        curves: Probabilities of the calibrated product.
        classes: Per class, sorted by name.
        judges: Label judges and verifiers on clean pictures.
        false_rejections, false_accepts: Cross-fitted: every source is judged by thresholds from the other parts of the
            sources.
        blind: Members that do not tell label-destroying pictures from clean ones.
        unmeasured: Members of which too few pictures, or none, were judged to say whether they do.
        far_upper_limit, frr_limit: Limits of the ensemble's false accepts (upper bound) and false rejections (rate);
            None for none.
    """

    schema_version: Literal[3] = 3
    inputs: Sha256OrNone = ""
    pack: str
    models: dict[str, Sha256]
    verifiers: dict[str, Sha256]
    settings: Sha256
    source: str
    sources_digest: Sha256
    sourced: bool
    rule: Literal["all", "k_of_n", "calibrated"]
    k: Count
    gates: tuple[str, ...]
    alpha: Share
    r_min: Share
    thresholds: tuple[GateThreshold, ...]
    curves: tuple[GateCurve, ...]
    classes: tuple[ClassQuality, ...]
    judges: tuple[JudgeQuality, ...]
    false_rejections: tuple[ErrorRate, ...]
    false_accepts: tuple[ErrorRate, ...]
    blind: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    far_upper_limit: Share | None = None
    frr_limit: Share | None = None

    @model_validator(mode="after")
    def _check_roles(self) -> GuardReport:
        shared = sorted(self.models.keys() & self.verifiers.keys())
        if shared:
            raise ValueError(f"verifiers may not gate: {', '.join(shared)}")
        return self

    @property
    def unguardable(self) -> tuple[str, ...]:
        """Classes that the judges know too badly to guard."""
        return tuple(one.class_name for one in self.classes if not one.guardable)

    @property
    def recall(self) -> dict[str, float]:
        """By label judge, the share of clean pictures on which it prefers the label; each source counts once."""
        judges = sorted({judge for one in self.classes for judge in one.recall})
        known = {judge: [one for one in self.classes if judge in one.recall] for judge in judges}
        return {
            judge: sum(one.recall[judge] * one.sources for one in mine) / max(1, sum(one.sources for one in mine))
            for judge, mine in known.items()
        }

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON, in hex."""
        return digest(self)

    def rejections(self, member: str = ENSEMBLE, kind: str = "overall") -> ErrorRate:
        """Return false rejections of one member on one kind of clean picture."""
        return _find(self.false_rejections, member, kind)

    def accepts(self, member: str = ENSEMBLE, kind: str = "overall") -> ErrorRate:
        """Return false accepts of one member on one kind of label-destroying picture."""
        return _find(self.false_accepts, member, kind)


def _find(rates: tuple[ErrorRate, ...], member: str, kind: str) -> ErrorRate:
    found = next((rate for rate in rates if (rate.member, rate.kind) == (member, kind)), None)
    if found is None:
        raise DataError(f"the guard report has no figure of {member!r} on {kind!r}", where=GUARD_REPORT)
    return found


def check_limits(report: GuardReport) -> None:
    """Refuse guards whose measured errors pass the report's limits, members that do not guard, and calibrations that
    say nothing.

    Raises:
        DataError: A limit is passed, a member tells nothing, or nothing was measured of the whole ensemble.
    """
    wrong = [
        *_unguarded(report),
        *(
            f"the guard {member!r} accepts label-destroying pictures as it accepts clean ones"
            for member in report.blind
        ),
        *_passed_limits(report),
    ]
    if wrong:
        raise DataError(
            "; ".join(wrong),
            where=GUARD_REPORT,
            fix="use other judges or gates, more calibration sources, or another limit",
        )


def _unguarded(report: GuardReport) -> list[str]:
    """Return why nothing is known of the ensemble: no judge knows the classes, or there are too few pictures."""
    if report.classes and len(report.unguardable) == len(report.classes):
        recall = ", ".join(f"{judge} on {share:.0%}" for judge, share in report.recall.items())
        what = f"all {len(report.classes)} classes are unguardable: of the clean pictures the judges prefer the label"
        return [f"{what} {recall or 'on none'}; every class needs {report.r_min:.0%} of each judge"]
    if ENSEMBLE not in report.unmeasured:
        return []
    clean, wrong = report.rejections(), report.accepts()
    what = "the calibration says nothing of the ensemble, which judged"
    return [f"{what} {clean.pictures} clean and {wrong.pictures} label-destroying pictures of {wrong.sources} sources"]


def _passed_limits(report: GuardReport) -> list[str]:
    wrong, accepts, rejections = [], report.accepts(), report.rejections()
    if accepts.pictures and report.far_upper_limit is not None and accepts.upper > report.far_upper_limit:
        wrong.append(
            f"false accepts may reach {accepts.upper:.2%} ({accepts.errors} of {accepts.pictures}), above the limit "
            f"of {report.far_upper_limit:.2%}"
        )
    if report.frr_limit is not None and rejections.rate > report.frr_limit:
        wrong.append(
            f"{rejections.rate:.2%} of the clean pictures are rejected ({rejections.errors} of "
            f"{rejections.pictures}), above the limit of "
            f"{report.frr_limit:.2%}"
        )
    return wrong


def cautions(report: GuardReport) -> list[str]:
    """Return what a user should know of a calibration that keeps its limits: judges that know too little, and limits
    that rest on few sources or on none.
    """
    found = [
        f"{judge} prefers the label on {share:.0%} of the clean pictures alone (r_min is {report.r_min:.0%}), so "
        f"{sum(one.recall.get(judge, 1) < report.r_min for one in report.classes)} of {len(report.classes)} classes "
        "are unguardable through it; check its model"
        for judge, share in report.recall.items()
        if share < report.r_min
    ]
    silent = [member for member in report.unmeasured if member != ENSEMBLE]
    if silent:
        found.append(f"too few pictures to say anything of {', '.join(silent)}")
    return [*found, *_thin_limits(report)]


def _thin_limits(report: GuardReport) -> list[str]:
    """Return which limits of all classes together rest on no source, or on a few extreme ones."""
    # The product's threshold binds under the calibrated rule alone, and then instead of the gates'.
    joint = report.rule == "calibrated"
    pooled = [one for one in report.thresholds if one.class_name == POOLED and (one.gate in report.gates) != joint]
    none = [one.gate for one in pooled if not one.rank]
    few = [f"{one.gate} (k = {one.rank} of {one.sources})" for one in pooled if 0 < one.rank < LEAST_RANK]
    share = report.alpha / (1 if joint else max(1, len(report.gates)))
    asked = f"k = {LEAST_RANK} takes {ceil(LEAST_RANK / share) - 1} clean sources"
    return [
        *([f"not calibrated, so that their own limits bind: {', '.join(none)}; {asked}"] if none else []),
        *([f"limits that rest on a few extreme sources: {', '.join(few)}; {asked}"] if few else []),
    ]


def write_guard_report(folder: str | Path, report: GuardReport) -> Path:
    """Write ``guard_report.json`` below ``folder`` and return its path."""
    path = Path(folder) / GUARD_REPORT
    atomic_write(path, canonical_json(report))
    return path


def read_guard_report(folder: str | Path) -> GuardReport:
    """Read ``guard_report.json`` below ``folder``.

    Raises:
        DataError: There is none.
        CorruptDatasetError: It is not a guard report.
    """
    path = Path(folder) / GUARD_REPORT
    try:
        return GuardReport.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError("the guard report is missing", where=str(path), fix="calibrate the guards first") from error
    except ValidationError as error:
        raise not_a_report(error, str(path)) from error


def find_guard_report(store: Store) -> GuardReport | None:
    """Return the report of the dataset in a store, None where it has none; raises as `read_guard_report`."""
    try:
        return GuardReport.model_validate_json(store.read(GUARD_REPORT))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise not_a_report(error, f"{store.root}/{GUARD_REPORT}") from error


def read_named_report(path: Path) -> GuardReport:
    """Read the report that a user names by ``--report``.

    Raises:
        RequestError: The file is not called as reports are, or is none.
        DataError: It can't be read.
    """
    if path.name != GUARD_REPORT or not path.is_file():
        fix = f"name the {GUARD_REPORT} of `editmill calibrate` or of a dataset"
        raise RequestError(f"{path} is not a {GUARD_REPORT}", where="--report", fix=fix)
    return read_guard_report(path.parent)


def not_a_report(error: ValidationError, where: str) -> CorruptDatasetError:
    """Return the message about a file that is no guard report, or one of another version."""
    what = f"this is not a guard report of this version: {first_problem(error)}"
    return CorruptDatasetError(what, where=where, fix="calibrate the guards again")
