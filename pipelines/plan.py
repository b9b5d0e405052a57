"""Planning: every sample of a dataset with its key, shard and resolved edit. CPU only, no models."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from editmill.generators.base.family import Asked
from editmill.generators.base.samples import PlannedSample
from editmill.generators.models.pack import PackSpec, misspelt
from editmill.manifests.canonical import digest_items
from editmill.manifests.errors import RecipeError, SourceError
from editmill.manifests.keys import source_hash
from editmill.manifests.progress import QUIET, Progress
from editmill.manifests.records import SourceRecord, SourcesRecord
from editmill.pipelines.identity import Reads
from editmill.pipelines.packs import find_pack
from editmill.pipelines.plan_file import PlanFile, PlannedShard, StoredRecords, disk_errors
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.registry import GUARDS
from editmill.pipelines.serving import check_roles
from editmill.pipelines.sharding import choose_shards
from editmill.pipelines.sources import open_source
from editmill.pipelines.sources.remembered import remembering

T = TypeVar("T")
# A plan lies on the disk, and some hundred bytes are a sample.
MOST_SAMPLES = 100_000_000
# Samples that are written and read together: those of one source, and not more.
TOGETHER = 256


class Problem(NamedTuple):
    """Why a source can't be used: a reason of the closed list, and what exactly is wrong."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Plan:
    """A dataset's samples by shard, in source order, and what they were planned from. Samples are read from a file.

    The pack and the sources are read here and carried from here on: nothing looks them up again by their names.

    Attributes:
        recipe: What was asked for, with every choice made that depends on pack and source.
        pack: The recipe's pack, as its file was.
        shards: The samples; as many as the recipe says.
        file: Where they are.
        counts: Samples per edit label, in the recipe's order.
        problems: The sources that can't be used, by id.
        unusable: That no source can be used, and why the first one can't; "" where some may be.
        sources: The sources as a whole.
        content: Digest of everything that their records say.
        class_names: By label.
        lead: Records that the samples of every shard depend on.
        calibration: Records that the guards are calibrated on, of those that can be used.
        choices: What a user should know of the choices made.
        largest: Samples of the source that has most.
        automatic: Whether the number of shards was chosen here.
    """

    recipe: Recipe
    pack: PackSpec
    shards: tuple[PlannedShard, ...]
    file: PlanFile
    counts: dict[str, int]
    problems: dict[str, Problem]
    unusable: str
    sources: SourcesRecord
    content: str
    class_names: dict[int, str]
    lead: tuple[SourceRecord, ...] = ()
    calibration: tuple[SourceRecord, ...] = ()
    choices: tuple[str, ...] = ()
    largest: int = 0
    automatic: bool = False

    @property
    def asked(self) -> Asked[Any, Any]:
        """What the recipe asks of its family."""
        return self.recipe.asked(self.pack)

    def samples(self) -> Iterator[PlannedSample]:
        """Yield every sample, shard by shard; those of a source follow each other."""
        return chain.from_iterable(self.shards)

    def notices(self) -> list[str]:
        """Return what a user should know before the dataset is built."""
        return [
            *self.choices,
            *misspelt(self.pack),
            *_calibrated_elsewhere(self.recipe),
            *self.recipe.family.notices(self.samples()),
        ]

    def copy(self, folder: Path) -> Plan:
        """Return the plan with a copy of its file in ``folder``."""
        file = self.file.copy(folder)
        return replace(self, file=file, shards=tuple(replace(shard, file=file) for shard in self.shards))


@dataclass
class _Tally:
    """What is told of all samples, counted while they pass."""

    recipe: Recipe
    asked: Asked[Any, Any]
    reads: Reads
    # By list of samples as they are written: a number that tells its shard, and its length.
    hashes: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("H"))
    counts: Counter[str] = field(default_factory=Counter)
    problems: dict[str, Problem] = field(default_factory=dict)
    unusable: str = ""
    usable: bool = False
    # Two at most: more need not be told apart.
    licences: set[str] = field(default_factory=set)
    sources: int = 0
    largest: int = 0

    @property
    def licence(self) -> str:
        """What the sources state themselves: one licence that all have, or that they differ."""
        return "each source states its own" if len(self.licences) > 1 else next(iter(self.licences), "")

    def by_source(self, samples: Iterable[PlannedSample]) -> Iterator[list[PlannedSample]]:
        """Yield the samples of a source together, of many in several lists.

        Raises:
            RecipeError: There are too many.
        """
        for source, group in groupby(samples, key=lambda sample: sample.source.id):
            before, hashed = self.counts.total(), source_hash(source)
            while mine := list(islice(group, TOGETHER)):
                self.hashes.append(hashed)
                self.sizes.append(len(mine))
                self._count(mine)
                yield [self.reads.into(one) for one in mine]
            self.sources, self.largest = self.sources + 1, max(self.largest, self.counts.total() - before)

    def by_shard(self, shards: int) -> Counter[int]:
        """Return the number of samples in each shard."""
        found: Counter[int] = Counter()
        for hashed, size in zip(self.hashes, self.sizes, strict=True):
            found[hashed % shards] += size
        return found

    def _count(self, samples: list[PlannedSample]) -> None:
        self.counts.update(sample.edit.label for sample in samples)
        source = samples[0].source
        if len(self.licences) < 2:
            self.licences.add(source.licence)
        if source.problem:
            self.problems[source.id] = Problem(source.problem, source.detail or source.image)
        if not self.usable:
            why = self.recipe.family.unusable(self.asked, source)
            self.unusable, self.usable = self.unusable or f"{source.id} ({why})", not why
        if self.counts.total() > MOST_SAMPLES:
            what = f"the recipe asks for more than {MOST_SAMPLES:,} samples"
            raise RecipeError(
                what, where=self.recipe.name, fix="split the sources over several datasets, or plan fewer edits"
            )


def make_plan(recipe: Recipe, *, without: Collection[str] = (), rehash: bool = False) -> Plan:
    """Plan the whole dataset of a recipe.

    Args:
        recipe: What is asked for.
        without: Ids of sources that are left out.
        rehash: Whether to read every file of the sources, also those that an earlier plan has read.

    Raises:
        SourceError: The source can't be read, has nothing to edit, or is not of the kind that the family edits.
        ModelError: There is no such pack, or it lacks roles.
        RecipeError: Two guards have a score of one name, ``classes`` lacks a class, or there are too many samples.
        RequestError: The pack can make nothing of such a source.
    """
    family, pack = recipe.family, find_pack(recipe.models)
    settings, choices = family.resolve(recipe.asked(pack))
    recipe = recipe.model_copy(update={"generator": settings})
    # Told here, before anything is taken or made.
    score_names_of(recipe, pack)
    check_roles(recipe, pack)
    asked, source = recipe.asked(pack), open_source(recipe.source, needs=family.needs)
    with disk_errors(), remembering(rehash=rehash):
        taken = (record for record in source.records() if record.id not in without)
        records = StoredRecords(_shown(taken, "reading sources", "source"))
        tally = _Tally(recipe, asked, Reads(records))
        file = PlanFile.write(tally.by_source(_shown(family.plan(asked, records), "planning", "sample")), records)
        if not tally.counts:
            what = f"the source has nothing to make {family.what} of: {len(records)} of its entries can be taken"
            raise SourceError(what, where=source.where, fix="check the source's files, and its limits in the recipe")
        class_names = dict(sorted(family.class_names(records).items()))
        _check_classes(recipe, asked, class_names)
        automatic, shards = recipe.shards == "auto", recipe.shards
        if shards == "auto":
            shards = choose_shards(family.estimate(asked, file.samples(spares=())), tally.sources)
        sizes = tally.by_shard(shards)
        file.assign(hashed % shards for hashed in tally.hashes)
        return Plan(
            recipe=recipe.model_copy(update={"shards": shards}),
            pack=pack,
            shards=tuple(PlannedShard(file, shard, sizes[shard]) for shard in range(shards)),
            file=file,
            counts=dict(tally.counts),
            problems=tally.problems,
            unusable="" if tally.usable else f"none of the sources can be used, such as {tally.unusable}",
            sources=SourcesRecord(
                name=source.name,
                count=len(records),
                licence=source.licence or tally.licence,
                # As `sources_digest`, of records that are sorted on the disk.
                digest=digest_items(records.identities()),
            ),
            content=content_digest(records),
            class_names=class_names,
            lead=family.lead(asked, records),
            calibration=calibration_records(recipe),
            choices=tuple(choices),
            largest=tally.largest,
            automatic=automatic,
        )


def _check_classes(recipe: Recipe, asked: Asked[Any, Any], names: dict[int, str]) -> None:
    """Refuse a list of class names that lacks some of the sources': guards would let these by, or reject all of them.

    Raises:
        RecipeError: It does, and a judge chooses among it.
    """
    lacking = sorted({*names.values()} - {*recipe.classes})
    if recipe.classes and lacking and recipe.family.reads_classes(asked):
        what = f"classes lacks {len(lacking)} of the sources' class names, such as {lacking[0]!r}"
        raise RecipeError(what, where=recipe.name, fix="name every class of the sources, or leave classes out")


def _shown(items: Iterator[T], what: str, unit: str) -> Iterator[T]:
    """Show how far an iteration is, unless it is short."""
    return iter(Progress(items, desc=what, unit=unit, delay=QUIET))


def _calibrated_elsewhere(recipe: Recipe) -> list[str]:
    """Return a line where guards are calibrated on another kind of pictures than they will judge."""
    if recipe.calibration is None or recipe.calibration.source.kind == recipe.source.kind:
        return []
    kinds = f"{recipe.calibration.source.kind!r} sources, but judge pictures of {recipe.source.kind!r} ones"
    fix = "give labelled pictures like yours that the dataset does not use, by --set calibration.source"
    return [f"the guards are calibrated on {kinds}: their limits may reject or accept nearly all\n  fix: {fix}"]


def score_names_of(recipe: Recipe, pack: PackSpec) -> tuple[str, ...]:
    """Return the scores that rows of a recipe may have, those of installed guards last.

    Raises:
        RecipeError: Two give one name.
    """
    names = [*recipe.family.score_names(recipe.asked(pack))]
    for entry in recipe.guards:
        names += GUARDS.get(entry.name).score_names
        if len(set(names)) < len(names):
            what = f"the guard {entry.name!r} has a score of a name that another guard of the recipe has"
            raise RecipeError(what, where="guards", fix="leave it out, or rename its score in its package")
    return tuple(names)


def content_digest(records: Iterable[SourceRecord]) -> str:
    """Digest everything that records say; the names of files in them are part of rows and members."""
    return digest_items(record.released() for record in records)


def calibration_records(recipe: Recipe) -> tuple[SourceRecord, ...]:
    """Return the sources that the recipe's guards are calibrated on; those that can't be used are left out.

    Raises:
        SourceError: The source can't be read.
    """
    if recipe.calibration is None:
        return ()
    opened = open_source(recipe.calibration.source, needs="labelled")
    return tuple(record for record in opened.records() if not record.problem)
