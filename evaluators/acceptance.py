"""What became of the planned samples of a dataset, edit by edit."""

from __future__ import annotations

from editmill.evaluators.tables import Cell, Table, count, percent, words
from editmill.manifests import Manifest


def acceptance_table(manifest: Manifest) -> Table:
    """Return the planned samples by edit, status and reason."""
    rows: list[list[Cell]] = []
    for edit in [*manifest.edits, *sorted(manifest.counts.keys() - set(manifest.edits))]:
        statuses = manifest.counts.get(edit, {})
        numbers = [sum(statuses.get(status, {}).values()) for status in ("ok", "rejected", "failed")]
        found = [item for _, reasons in sorted(statuses.items()) for item in sorted(reasons.items())]
        said = ", ".join(f"{reason} {count}" for reason, count in found if reason)
        rows.append([edit, sum(numbers), *numbers, numbers[0] / sum(numbers) if sum(numbers) else None, said])
    numbers_of = map(count, ("planned", "accepted", "rejected", "failed"))
    columns = [words("edit"), *numbers_of, percent("accepted share"), words("reasons")]
    return Table("Acceptance", columns, rows, shared=1)
