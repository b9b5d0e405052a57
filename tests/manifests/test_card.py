from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from editmill.manifests import read_manifest
from editmill.manifests.card import card_header, dataset_card
from editmill.manifests.licences import hub_licence, licence_url
from editmill.manifests.records import ModelRecord
from tests.manifests.builder import build_dataset, make_manifest, make_sources


def test_header_declares_tars_only(built: Path) -> None:
    text = (built / "README.md").read_text()
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["configs"] == [{"config_name": "default", "data_files": [{"split": "test", "path": "test/*.tar"}]}]
    assert header["license"] == "cc0-1.0"
    assert (header["task_categories"], header["size_categories"]) == (["image-classification"], ["n<1K"])


def test_counts_and_reading(built: Path) -> None:
    text = (built / "README.md").read_text()
    assert "| full | 5 | 1 | 0 |" in text
    assert "test/tiny-{000000..000001}.tar" in text
    for call in ("wds.WebDataset(", "load_dataset(", "open_dataset("):
        assert call in text


def test_shards_without_samples_are_left_out(tmp_path: Path) -> None:
    manifest = build_dataset(tmp_path, sources=2, shards=8, rejected=frozenset())
    paths = card_header(manifest)["configs"][0]["data_files"][0]["path"]
    assert paths == [shard.path for shard in manifest.shards if shard.nsamples]


def test_a_dataset_without_samples_declares_no_files() -> None:
    manifest = make_manifest(make_sources(1), [])
    assert "configs" not in card_header(manifest)
    assert "0 samples in 0 shards" in dataset_card(manifest)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("snippet", [0, 2])
def test_the_cards_own_examples_run(built: Path, snippet: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built)
    blocks = (built / "README.md").read_text().split("```python\n")[1:]
    names: dict[str, object] = {}
    exec(blocks[snippet].split("```")[0], names)
    count = sum(1 for _ in names["samples"]) if snippet == 0 else len(names["dataset"])  # type: ignore[call-overload,arg-type]
    assert count == read_manifest(built).samples


def test_models_are_named_with_the_revision_that_they_have() -> None:
    fields = {"cls": "x.Y", "digest": "", "dtype": "float32", "licence": "MIT"}
    models = [
        ModelRecord(role=role, id=f"my/{role}", revision=revision, **fields)
        for role, revision in (("a", ""), ("b", "r1"))
    ]
    card = dataset_card(make_manifest(make_sources(1), []).model_copy(update={"models": tuple(models)}))
    assert "`a`: my/a (x.Y, MIT)" in card
    assert "`b`: my/b @ r1 (x.Y, MIT)" in card


def test_names_and_licences_are_shown_as_they_are() -> None:
    sources = make_manifest(make_sources(1), []).sources.model_copy(update={"name": "a|b ~~c~~", "licence": "$x$ <i>"})
    card = dataset_card(make_manifest(make_sources(1), []).model_copy(update={"sources": sources}))
    assert r"images of a\|b \~\~c\~\~." in card
    assert r"sources: \$x\$ \<i\>" in card


@pytest.mark.parametrize(
    ("text", "url", "card"),
    [
        ("cc-by-SA-4.0", "https://spdx.org/licenses/CC-BY-SA-4.0", {"license": "cc-by-sa-4.0"}),
        ("ODbL-1.0", "https://spdx.org/licenses/ODbL-1.0", {"license": "odbl"}),
        (
            "ImageNet: research only",
            "ImageNet: research only",
            {"license": "other", "license_name": "imagenet-research-only"},
        ),
        ("", "unknown", {"license": "unknown"}),
    ],
)
def test_licences_are_named_as_spdx_and_the_hub_name_them(text: str, url: str, card: dict[str, str]) -> None:
    assert (licence_url(text), hub_licence(text)) == (url, card)
