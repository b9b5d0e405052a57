"""The table on a run's page."""

from __future__ import annotations

from editmill.flows.artifacts import count_table


def test_counts_become_one_row_per_edit_with_reasons_by_frequency() -> None:
    counts = {
        "size": {"ok": {"": 5}, "rejected": {"label": 1, "area": 3}, "failed": {"empty-mask": 1, "label": 1}},
        "full": {"failed": {"unreadable": 2}},
    }
    assert count_table(counts) == [
        {"edit": "size", "ok": 5, "rejected": 4, "failed": 2, "reasons": "area 3, label 2, empty-mask 1"},
        {"edit": "full", "ok": 0, "rejected": 0, "failed": 2, "reasons": "unreadable 2"},
    ]
