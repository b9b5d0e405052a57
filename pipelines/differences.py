"""What differs between two versions of a dataset, sample by sample, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from editmill.manifests.errors import CorruptDatasetError
from editmill.manifests.manifest import SAMPLES, load_manifest
from editmill.manifests.records import PRIMARY_IMAGES, Manifest
from editmill.manifests.rows import member_column, read_rows
from editmill.manifests.store import Store
from editmill.manifests.versions import version_numbers

COLUMNS = ("key", "inputs", "source_id", "edit", "status", "source_sha256", "reasons")
# Fields of a recipe that samples are made from.
READ = ("generator", "guard", "guards", "seed", "output", "classes", "calibration")


class Known(NamedTuple):
    """What the rows of a dataset say of one sample; ``picture`` is the digest of its picture or text, if it has one."""

    inputs: str
    source: str
    edit: str
    status: str
    sha256: str
    reasons: list[str]
    picture: str


@dataclass
class Difference:
    """What differs between two versions.

    Attributes:
        added: Keys that only the later one has, each with the source's id.
        removed: Those that only the earlier one has.
        made: Keys that both have, made from something else, each with the causes.
        flips: Of samples of both, status before and after by key, where they differ.
        judged: Keys made from something else whose picture came out the same.
        kept: Number of samples that are made from the same, with the same picture.
        facts: What differs for all samples, such as fields of the recipe.
    """

    added: dict[str, str] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)
    made: dict[str, list[str]] = field(default_factory=dict)
    flips: dict[str, tuple[str, str]] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)
    kept: int = 0
    facts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Share of the earlier samples that are gone or made anew."""
        before = len(self.removed) + len(self.made) + self.kept
        return (len(self.removed) + len(self.made)) / before if before else 0.0

    @property
    def rendered(self) -> float:
        """Share of the later samples that are made anew."""
        after = len(self.added) + len(self.made) + self.kept
        return (len(self.added) + len(self.made)) / after if after else 0.0

    def next_version(self, version: str) -> str:
        """Return the version after an earlier one, by Croissant's rule: keys removed or bytes changed make a major one,
        added keys a minor one, and card and prose a patch.
        """
        major, minor, patch = version_numbers(version)
        if self.removed or self.made:
            return f"{major + 1}.0.0"
        return f"{major}.{minor + 1}.0" if self.added else f"{major}.{minor}.{patch + 1}"

    def counts(self) -> dict[str, int]:
        """Return how many samples there are of each kind."""
        return {
            "kept": self.kept,
            "added": len(self.added),
            "removed": len(self.removed),
            "made_anew": len(self.made),
            "judged_anew": len(self.judged),
            "status_flips": len(self.flips),
        }

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        causes = Counter(cause for causes in self.made.values() for cause in causes)
        return {
            "counts": self.counts(),
            "rendered_share": round(self.rendered, 6),
            "causes": dict(sorted(causes.items())),
            "dataset": self.facts,
            "added": sorted(self.added),
            "removed": sorted(self.removed),
            "made_anew": dict(sorted(self.made.items())),
            "judged_anew": sorted(self.judged),
            "status_flips": {key: list(pair) for key, pair in sorted(self.flips.items())},
        }


def known_samples(files: Iterable[Path | BinaryIO], members: Iterable[str]) -> dict[str, Known]:
    """Return what parquet files of rows say, by key."""
    shown = next((one for one in (*PRIMARY_IMAGES, "txt") if one in set(members)), "json")
    columns = [*COLUMNS, f"{member_column(shown)}_sha256"]
    found: dict[str, Known] = {}
    for file in files:
        table = read_rows(file, columns=columns)
        for key, *facts in zip(*(table[name].to_pylist() for name in columns), strict=True):
            found[key] = Known(*facts)
    return found


def samples_of(store: Store, manifest: Manifest) -> dict[str, Known]:
    """Return what a finished dataset's rows say, by key.

    Raises:
        CorruptDatasetError: Their file is absent or can't be read.
    """
    try:
        with store.open(SAMPLES) as stream:
            return known_samples([stream], manifest.members)
    except FileNotFoundError as error:
        raise CorruptDatasetError(f"{SAMPLES} is absent", where=store.root) from error


def compare(before: Path | str, after: Path | str) -> Difference:
    """Compare two finished datasets, or the current versions of two folders; each in a folder or at a URL.

    Raises:
        RequestError: There is nothing at one of the places.
        DataError: One is incomplete or damaged.
    """
    stores = [Store(root) for root in (before, after)]
    manifests = [load_manifest(store) for store in stores]
    old, new = (samples_of(*one) for one in zip(stores, manifests, strict=True))
    found = Difference(facts=facts_between(*manifests))
    changed = {one.source for key, one in new.items() if key in old and one.sha256 != old[key].sha256}
    kept = {one.edit for key, one in new.items() if key in old and one.inputs == old[key].inputs}
    ids = {one.source for known in (old, new) for one in known.values()}
    lent = [_lenders(store, ids) for store in stores]
    for key, one in new.items():
        if key not in old:
            found.added[key] = one.source
        elif one.inputs == old[key].inputs:
            same = (one.status, one.picture) == (old[key].status, old[key].picture)
            found.kept += same
            if not same:
                found.made[key] = ["the same, with other bytes"]
        else:
            partner = lent[0][key] != lent[1][key] or not lent[1][key].isdisjoint(changed)
            shared = [] if one.edit in kept else shared_causes(found.facts)
            found.made[key] = causes(shared, source=one.source in changed, partner=partner)
    found.removed = {key: one.source for key, one in old.items() if key not in new}
    judge(found, old, new)
    return found


def _lenders(store: Store, ids: Collection[str]) -> dict[str, set[str]]:
    """Return by key which sources a sample names in its parameters, as that which lent its background."""
    with store.open(SAMPLES) as stream:
        table = read_rows(stream, columns=["key", "parameters"])
    facts = zip(table["key"].to_pylist(), map(json.loads, table["parameters"].to_pylist()), strict=True)
    return {key: {one for one in named.values() if isinstance(one, str) and one in ids} for key, named in facts}


def causes(shared: Sequence[str], *, source: bool, partner: bool) -> list[str]:
    """Return why a sample is made anew, in the words that all reports use.

    Args:
        shared: What has changed for all samples of its edit.
        source: Whether its own source has changed.
        partner: Whether another one that it reads may have.
    """
    own = [*shared, *(["source"] if source else [])]
    return own or ["partner" if partner else "another sample or source that it reads"]


def shared_causes(facts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return why all samples of an edit are made anew, of what differs for whole datasets."""
    asked = [f"recipe {name}" for name in facts["recipe"]] + [f"model {name}" for name in facts["models"]]
    return asked or (["class names"] if facts["classes"] else ["program, pack, device or calibration"])


def judge(found: Difference, before: Mapping[str, Known], after: Mapping[str, Known]) -> None:
    """Fill in what is known only when samples were made: flips of status, and pictures that came out the same."""
    for key in before.keys() & after.keys():
        old, new = before[key], after[key]
        if old.status != new.status:
            found.flips[key] = old.status, new.status
        if key in found.made and old.picture and old.picture == new.picture:
            found.judged.append(key)


def facts_between(before: Manifest, after: Manifest) -> dict[str, list[str]]:
    """Return the names of what differs for whole datasets: fields of the recipe, roles of models, packages."""
    old, new = ({one.role: one.model_dump(exclude={"role"}) for one in manifest.models} for manifest in (before, after))
    first, second = ({name: manifest.recipe.get(name) for name in READ} for manifest in (before, after))
    return {
        "recipe": sorted(_differing(first, second)),
        "models": sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)),
        "classes": sorted({*before.class_names.values()} ^ {*after.class_names.values()}),
        "environment": sorted(_differing(before.environment, after.environment)),
    }


def _differing(before: Any, after: Any, name: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _differing(before.get(key), after.get(key), f"{name}.{key}" if name else key)
    elif before != after:
        yield name
