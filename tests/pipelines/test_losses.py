"""Datasets of which a part is empty: refused or warned of by a rule that every family shares, and left as they are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from editmill.generators.base.family import Family
from editmill.manifests import open_dataset, write_dataset_files
from editmill.manifests.errors import DataError
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.losses import check_losses, losses
from editmill.pipelines.registry import families
from tests.manifests.builder import make_manifest, make_row, make_sources, write_one_shard

# (edit, level, reason, parameters) of each planned sample of a source; a source at a time.
Planned = tuple[str, float, str, Mapping[str, Any]]
FAILURES = ("proposer_error", "surrogate_unaware", "mask_empty")


def written(root: Path, generator: str, sources: Sequence[Sequence[Planned]]) -> Path:
    """Write a dataset whose rows say what became of their samples."""
    records, rows = make_sources(len(sources)), []
    for record, planned in zip(records, sources, strict=True):
        for number, (edit, level, reason, parameters) in enumerate(planned):
            row = make_row(record, edit, shards=1, reason=reason)
            status = "failed" if reason in FAILURES else row.status
            facts = {"edit": edit, "level": level, "parameters": dict(parameters), "status": status}
            rows.append(row.model_copy(update={**facts, "key": f"{record.id}__{edit}-{number}__0"}))
    manifest = make_manifest(records, [write_one_shard(root, rows, 0)])
    write_dataset_files(root, manifest.model_copy(update={"generator": generator}))
    return root


def edits(**reasons: str) -> list[Planned]:
    return [(edit.replace("_", "-"), 0.0, reason, {}) for edit, reason in reasons.items()]


def test_an_edit_that_guards_refuse_everywhere_fails_a_build_from_five_samples_on(tmp_path: Path) -> None:
    source = edits(original="", full="geometry_off")
    out = written(tmp_path / "five", "attribute", [source] * 5)
    with pytest.raises(
        DataError, match=r"nothing survived of 1 part of the dataset:\n    full: all 5 lost, 5 to geo"
    ) as told:
        check_losses(out)
    assert told.value.exit_code == 1
    # It is complete and can be read.
    assert verify_dataset(out).ok
    assert len(open_dataset(out)) == 5


def test_a_few_refusals_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = written(tmp_path / "four", "attribute", [edits(original="", full="geometry_off")] * 4)
    with caplog.at_level(logging.WARNING):
        check_losses(out)
    assert "nothing survived of full: all 4 lost, 4 to geometry_off" in caplog.text


def test_a_single_failure_fails_a_build_that_has_nothing_else_of_the_part(tmp_path: Path) -> None:
    failed = ("full", 0.0, "proposer_error", {"detail": "RuntimeError: Inference tensors cannot be saved"})
    out = written(tmp_path / "one", "attribute", [[*edits(original=""), failed]])
    with pytest.raises(DataError, match="full: all 1 lost, 1 to proposer_error: RuntimeError: Inference tensors"):
        check_losses(out)
    check_losses(written(tmp_path / "two", "attribute", [[*edits(original=""), failed], edits(full="")]))


def test_captions_whose_source_knows_no_truth_lack_no_control(tmp_path: Path) -> None:
    """Lists of captions have no true attributes, which the control of the default recipe asks for."""
    source = edits(original="", grounded="", oracle="no_gold", random_word="no_insertion")
    check_losses(written(tmp_path / "list", "text", [source] * 6))
    with pytest.raises(DataError, match="grounded: all 6 lost, 6 to disfluent"):
        check_losses(written(tmp_path / "lost", "text", [edits(original="", grounded="disfluent")] * 6))


def test_levels_of_an_edit_are_parts_of_their_own(tmp_path: Path) -> None:
    sizes: list[Planned] = [("size", 0.1, "", {}), ("size", 0.05, "geometry_off", {})]
    with pytest.raises(DataError, match=r"of 1 part .*\n    size 0\.05: all 6 lost"):
        check_losses(written(tmp_path, "attribute", [sizes] * 6))


@pytest.mark.parametrize("reason", ["mask_empty", "source_ineligible"])
def test_samples_that_nobody_could_try_do_not_count(reason: str, tmp_path: Path) -> None:
    out = written(tmp_path, "attribute", [edits(original="", full=reason)] * 6)
    check_losses(out)
    assert losses(out).keys() == {"original"}


def test_a_dataset_of_nothing_is_refused_whatever_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sample was accepted"):
        check_losses(written(tmp_path / "bad", "attribute", [edits(original="mask_empty")]))
    with pytest.raises(DataError, match=r"no sample was accepted:\n    original: all 5 lost, 5 to sanity"):
        check_losses(written(tmp_path / "lost", "attribute", [edits(original="sanity")] * 5))


def ascent(network: str, target: str, budget: float, reason: str) -> Planned:
    facts = {"network": network, "target": target, "detail": f"RuntimeError: no {budget}"}
    return ("ascent", float(budget), reason, facts)


def test_ascents_are_counted_by_network_and_target_over_all_budgets(tmp_path: Path) -> None:
    source = [
        *edits(original=""),
        *(ascent("vq", "classifier", budget, "proposer_error") for budget in (1, 2)),
        *(ascent("autoencoder", target, 1, "") for target in ("classifier", "vit")),
    ]
    with pytest.raises(DataError, match="of 1 part ") as told:
        check_losses(written(tmp_path / "failed", "fmr", [source] * 3))
    lines = told.value.what.splitlines()
    assert lines[1:] == ["    ascent vq classifier: all 6 lost, 6 to proposer_error: RuntimeError: no 1"]
    # A guard that refuses every round trip leaves nothing of a network either.
    refused = [*edits(original=""), ascent("vq", "classifier", 1, "source_ineligible")]
    with pytest.raises(DataError, match="ascent vq classifier: all 5 lost, 5 to source_ineligible"):
        check_losses(written(tmp_path / "refused", "fmr", [refused] * 5))


def test_classes_are_counted_over_all_conditionings(tmp_path: Path) -> None:
    # Sources run through the classes cat, dog and cup.
    dog = edits(text="label_clip", image="label_clip")
    out = written(tmp_path / "lost", "synthesis", [edits(text="", image=""), dog, edits(text="", image="")] * 3)
    with pytest.raises(DataError, match=r"of 1 part .*\n    dog: all 6 lost, 6 to label_clip"):
        check_losses(out)
    unguardable = edits(text="source_ineligible", image="source_ineligible")
    check_losses(written(tmp_path / "left", "synthesis", [edits(text="", image=""), unguardable] * 3))


def test_attacks_are_counted_by_scheme(tmp_path: Path) -> None:
    def attacked(scheme: str, reason: str) -> Planned:
        return ("jpeg", 0.0, reason, {"watermark": {"scheme": scheme}})

    source = [attacked("", ""), attacked("dwtDct", ""), attacked("rivaGan", "embed_failed")]
    with pytest.raises(DataError, match=r"of 1 part .*\n    jpeg rivaGan: all 5 lost"):
        check_losses(written(tmp_path / "lost", "watermark", [source] * 5))
    check_losses(written(tmp_path / "left", "watermark", [[source[0], attacked("x", "rights_missing")]] * 5))


def test_long_lists_are_cut(tmp_path: Path) -> None:
    source = edits(original="", **{f"edit_{number}": "sanity" for number in range(10)})
    with pytest.raises(DataError, match="of 10 parts of the dataset") as told:
        check_losses(written(tmp_path, "attribute", [source] * 5))
    assert "and 2 more" in told.value.what
    assert told.value.what.count("all 5 lost") == 8


@pytest.mark.parametrize("family", families().values(), ids=families())
def test_every_family_says_what_its_datasets_need(family: Family[Any, Any]) -> None:
    known = {"edit", "level", "class_name"}
    assert family.parts
    assert all(fact in known or fact.startswith("parameters.") for facts in family.parts for fact in facts)


def test_an_accepted_sample_counts_for_each_of_its_parts(tmp_path: Path) -> None:
    found = losses(written(tmp_path, "synthesis", [edits(text="")] * 2))
    accepted = {part: loss.accepted for part, loss in found.items()}
    assert accepted.pop("text") == 2
    # The classes.
    assert sum(accepted.values()) == 2
