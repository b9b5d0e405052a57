"""What a family of samples is: everything that the pipelines ask of one kind of generator."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from editmill.generators.base.auditing import AuditRow
from editmill.generators.base.guards import PictureGuard
from editmill.generators.base.reasons import SOURCE_FAULTS, Reason
from editmill.generators.base.samples import PlannedSample, Sheet
from editmill.generators.base.sources import Content, Source
from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import RequestError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.records import ModelRecord, SampleRow, SourceRecord

if TYPE_CHECKING:
    from PIL import Image

    from editmill.generators.base.making import Maker
    from editmill.generators.models.loading import Models


class Settings(BaseModel):
    """A family's part of a recipe: ``generator`` or ``guard``; a subclass has a ``kind: Literal[...]``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str

    def code(self) -> tuple[str, ...]:
        """Return what of the machine's code the settings name, as ``module:function``; it needs the user's consent."""
        return ()


S = TypeVar("S", bound=Settings)
G = TypeVar("G", bound=Settings)


@dataclass(frozen=True)
class Asked(Generic[S, G]):
    """What a recipe asks of a family, with everything resolved.

    Attributes:
        settings: The recipe's generator.
        guard: The recipe's guard.
        seed: Of the recipe.
        image: How primary pictures are stored: png, webp, jpg, or reference for none.
        pack: The models' pack.
        calibrated: Whether the recipe says on what its guards are calibrated.
        source_kind: Kind of the recipe's source.
    """

    settings: S
    guard: G
    seed: int
    image: str
    pack: PackSpec
    calibrated: bool = False
    source_kind: str = ""


@dataclass(frozen=True)
class Build(Asked[S, G]):
    """What the samples of one build share.

    Attributes:
        models: The pack's.
        records: What the manifest says of them.
        source: Opened; it loads the records of planned samples.
        lead: The records that ``Family.lead`` chose.
        class_names: Distinct ones, in the order of labels.
        cache: A folder for what several shards need; None when nothing is written.
        report: What calibration found of the guards; None without any.
        guards: Of installed packages, for makers that search; all others leave them to the base.
    """

    models: Models = field(kw_only=True)
    records: tuple[ModelRecord, ...] = field(kw_only=True)
    source: Source[Any] = field(kw_only=True)
    lead: tuple[SourceRecord, ...] = field(default=(), kw_only=True)
    class_names: tuple[str, ...] = field(kw_only=True)
    cache: Path | None = field(default=None, kw_only=True)
    report: GuardReport | None = field(default=None, kw_only=True)
    guards: tuple[PictureGuard, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class Estimate:
    """What a plan would cost at one attempt per sample; minutes of one CPU core, 0 where the pack names no speed."""

    network_evaluations: int
    megabytes: float
    cpu_minutes: float


@dataclass(frozen=True)
class Decision:
    """What a rule says of one candidate: scores with those that follow from limits, and reasons."""

    scores: dict[str, float]
    reasons: tuple[str, ...]


class Judge(Protocol):
    """A rule over stored scores."""

    def __call__(self, row: SampleRow, scores: Mapping[str, float], said: Sequence[str]) -> Decision:
        """Judge one candidate of a row again by its scores; ``said`` are the reasons that it was rejected for."""


class Regating(ABC, Generic[G]):
    """How other thresholds are applied to a finished dataset, from the scores in its rows.

    Attributes:
        limited: Fields of the guard's settings that can be applied again, with the score that each is put on; "" for
            those that read several.
        why_not: Why others can't be.
        reported: Whether thresholds come from a guard report, which another calibration may replace.
        relative: Fields of ``limited`` that are no values of their score, but relative to something else.
        judged: Scores that say with 1 that the limit of another score decided, and with 0 that it did not.
    """

    limited: ClassVar[Mapping[str, str]]
    why_not: ClassVar[Mapping[str, str]] = {}
    reported: ClassVar[bool] = False
    relative: ClassVar[frozenset[str]] = frozenset()
    judged: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def judge(self, guard: G, report: GuardReport | None) -> Judge:
        """Return the rule of a guard, with the thresholds of ``report`` or its own."""

    def binds(self, row: SampleRow) -> bool:
        """Return whether guards decided over a row; what was kept in any case stays as it is."""
        return True

    def reported_limits(self, report: GuardReport) -> list[tuple[str, float, str]]:
        """Return the thresholds that a calibration sets for all classes together: score, least value, and gate."""
        return []

    def needed(self, before: G, after: G) -> dict[str, str]:
        """Return the scores that a change reads, with the field that reads them."""
        old, new = before.model_dump(), after.model_dump()
        return {score: f"guard.{name}" for name, score in self.limited.items() if score and old[name] != new[name]}


class Family(ABC, Generic[S, G]):
    """One kind of generator; importing the module of a family loads no model library.

    Attributes:
        kind: Its name in recipes and manifests.
        version: Raised whenever what is made of a sample changes.
        what: What it makes, in the plural, for messages.
        settings: Its part of a recipe.
        guard: Its guards' part.
        needs: What its sources have to have.
        reasons: Why a sample of it may be missing, beyond the reasons of every family.
        failures: The reasons of these that are failures, not rejections.
        parts: What a dataset has to have some samples of, each by the facts of rows that tell it: ``edit``, ``level``,
            ``class_name``, or a parameter as in ``parameters.network``.
        excused: First reasons of samples that nobody could try, so that a part does not lack them.
        regating: How other thresholds are applied to finished datasets; None where they can't be.
        calibrates: Whether its guards are calibrated before anything is built.
        lenders: Parameters of rows that name another source which the sample shows a part of; one that is taken down
            takes these samples along.
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    what: ClassVar[str]
    settings: type[S]
    guard: type[G]
    needs: ClassVar[Content]
    reasons: ClassVar[tuple[type[StrEnum], ...]] = ()
    failures: ClassVar[frozenset[str]] = frozenset()
    parts: ClassVar[tuple[tuple[str, ...], ...]] = (("edit", "level"),)
    excused: ClassVar[frozenset[str]] = SOURCE_FAULTS | {Reason.SOURCE_INELIGIBLE}
    regating: ClassVar[Regating[Any] | None] = None
    calibrates: ClassVar[bool] = False
    lenders: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def edit_names(self, settings: S) -> tuple[str, ...]:
        """Return the names of the edits in the recipe's order, as a manifest lists them."""

    @abstractmethod
    def plan(self, asked: Asked[S, G], records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        """Yield every sample of a dataset, in source order, with every draw resolved; CPU only, without models.

        Records lie on the disk, and there may be millions: go through them one by one, and keep little of each.
        """

    @abstractmethod
    def roles(self, asked: Asked[S, G]) -> list[str]:
        """Return the roles that making and guarding use, those of most guards where the pack has them.

        Roles that the pack lacks are refused in the plan.

        Raises:
            ModelError: The pack has another kind of model there.
        """

    @abstractmethod
    def members(self, asked: Asked[S, G]) -> tuple[str, ...]:
        """Return the member suffixes of every sample, sorted."""

    @abstractmethod
    def score_names(self, asked: Asked[S, G]) -> tuple[str, ...]:
        """Return the scores that rows may have."""

    @abstractmethod
    def maker(self, build: Build[S, G]) -> Maker[Any]:
        """Return what makes the samples; its models load when they are first needed."""

    @abstractmethod
    def estimate(self, asked: Asked[S, G], samples: Iterable[PlannedSample]) -> Estimate:
        """Return what a plan would cost; samples of a source follow each other."""

    def together(self, asked: Asked[S, G], batch: int) -> int:
        """Return how many sources are made together in batches of so many pictures: those that a crash loses."""
        return 1

    def check(self, asked: Asked[S, G]) -> None:
        """Refuse a recipe whose parts do not fit together; the pack is not looked at.

        Raises:
            ValueError: It says what does not fit, and what would.
        """
        if asked.image != "png":
            raise ValueError(f"{self.what} are stored as png")

    def resolve(self, asked: Asked[S, G]) -> tuple[S, list[str]]:
        """Return the settings with every choice made that depends on pack and source, and what users should know of it.

        Resolved settings stay as they are.

        Raises:
            RequestError: Nothing would be left to make.
        """
        return asked.settings, []

    def alone(self, settings: S, edit: str) -> S:
        """Return the settings as samples of one edit read them: a sample is made anew when they change.

        What the plan has resolved into samples, and what only other edits read, can be left out or set to anything.
        """
        return settings

    def unit(self, asked: Asked[S, G], sample: PlannedSample) -> Hashable:
        """Return the key by which samples of a shard depend on each other: a change of one makes all of them anew."""
        return sample.key

    def reads_classes(self, asked: Asked[S, G]) -> bool:
        """Return whether samples depend on the list of all class names, as where a judge chooses among them."""
        return True

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        """Return the name of every label; nothing where samples have no labels."""
        return {record.label: record.class_name for record in records if record.label >= 0}

    def lead(self, asked: Asked[S, G], records: Sequence[SourceRecord]) -> tuple[SourceRecord, ...]:
        """Return the records that the samples of every shard depend on beyond their own."""
        return ()

    def calibrate(self, build: Build[S, G], records: Sequence[SourceRecord], options: Any) -> GuardReport:
        """Measure the guards on clean sources that no dataset uses; ``build.source`` loads them.

        Args:
            build: Without a report, and with the calibration's source.
            records: Of the calibration's source; they can be used.
            options: The recipe's ``calibration``.

        Raises:
            RequestError: There are too few of them.
        """
        raise RequestError(f"the guards of {self.what} are not calibrated", where="calibration", fix="leave it out")

    def audit(self, build: Build[S, G], *, sources: int) -> Sequence[AuditRow]:
        """Show known faults made of the first ``sources`` sources to the guards; return what they said of each kind.

        Raises:
            RequestError: The family has no such faults.
        """
        raise RequestError(f"the guards of {self.what} can't be audited", fix="name a recipe of attribute edits")

    def unusable(self, asked: Asked[S, G], source: SourceRecord) -> str:
        """Return why nothing can be made of a planned source, as far as its record tells; "" where something may be."""
        return (source.detail or source.problem) if source.problem else ""

    def notices(self, samples: Iterable[PlannedSample]) -> list[str]:
        """Return what a user should know of a plan before it is built; samples of a source follow each other."""
        return []

    def sheet(self, sources: Sequence[Sheet], columns: Sequence[str], *, cell: int) -> Image.Image:
        """Draw a preview: a row per source, a column per edit; the first sample of each edit is shown."""
        from editmill.generators.base.sheet import sample_sheet

        return sample_sheet(sources, columns, cell=cell)

    def recipes(self) -> Path:
        """Return the folder of the family's recipes, one YAML file each; it need not exist."""
        return Path(inspect.getfile(type(self))).parent / "recipes"
