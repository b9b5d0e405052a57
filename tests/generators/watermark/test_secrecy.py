"""What a dataset with a secret tells of its keys: everything that it holds is searched for them.

Every attack is also made on the same dataset without a secret, where it must find keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from editmill.evaluators.watermark.detectors import NamedDetector
from editmill.evaluators.watermark.evaluation import evaluate_watermark
from editmill.evaluators.watermark.keys import reveal_keys
from editmill.evaluators.watermark.rows import read_rows
from editmill.generators.base.images import decode_image, encode_image
from editmill.generators.models.placement import Placement
from editmill.generators.watermark.schemes import embed, make_scheme
from editmill.generators.watermark.schemes.blind import BlindWatermark
from editmill.generators.watermark.settings import SchemeSettings
from editmill.manifests.arrays import Picture
from editmill.manifests.errors import OccupiedError, RequestError
from editmill.manifests.payloads import make_payload, public_secret
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.losses import check_losses
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from tests.evaluators.builder import named, quick
from tests.generators.watermark.building import RUNGS, SCHEMES, build_of, built_of, plan_of, rows_of

SECRET = bytes(range(7, 39))
# Without conditions a clean start gives one picture, whatever the mark was.
CHANGES = (
    f"generator.attacks={[rung for rung in RUNGS if rung['name'] in ('pipeline', 'bare')]}",
    f"generator.schemes={list(SCHEMES[:2])}",
    "generator.steps=2",
    "generator.least_pixels=4096",
    "shards=1",
    "source.licence=CC0-1.0",
)
BITS = 32
# Of about 100 guesses none has so many matches by chance: P(X >= 30) is 1.2e-7.
RECOVERED = 30
Keys = dict[str, tuple[str, str, tuple[int, ...]]]


def make(pack: Path, photos: Path, out: Path, *changes: str) -> Dataset:
    recipe = load_recipe("watermark", source=f"images:{photos}", models=str(pack), overrides=(*CHANGES, *changes))
    build(prepare(make_plan(recipe), out, Placement(device="cpu")), progress=False)
    assert verify_dataset(out).ok
    # A scheme of which every picture is withheld is not lost.
    check_losses(out)
    return open_dataset(out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("secrecy")
    (root / "secret.bin").write_bytes(SECRET)
    return root


@pytest.fixture(scope="module")
def hidden(pack: Path, photos: Path, folder: Path) -> Dataset:
    return make(pack, photos, folder / "hidden", f"generator.secret_file={folder / 'secret.bin'}")


@pytest.fixture(scope="module")
def public(pack: Path, photos: Path, folder: Path) -> Dataset:
    return make(pack, photos, folder / "public")


def keys_of(dataset: Dataset, secret: Path | None) -> Keys:
    """The embedded keys: source, scheme and bits by id."""
    return {
        key_id: (source, scheme, tuple(map(int, bits)))
        for key_id, source, scheme, embedded, bits, _ in reveal_keys(dataset, secret)
        if embedded
    }


def released(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a dataset, and every member of its shards."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        yield path.name, path.read_bytes()
        if path.suffix == ".tar":
            with tarfile.open(path) as tar:
                for member in tar:
                    found = tar.extractfile(member)
                    assert found is not None
                    yield member.name, found.read()


def documents(root: Path, dataset: Dataset) -> Iterator[Any]:
    """Every JSON document that a dataset holds, also those in the rows and in strings of documents."""
    for row in dataset.table.to_pylist():
        yield {**row, "parameters": json.loads(row["parameters"])}
    for name, data in released(root):
        if name.endswith(".json"):
            document = json.loads(data)
            yield document
            yield {
                key: json.loads(text)
                for key, text in document.items()
                if isinstance(text, str) and text[:1] in ("{", "[")
            }


def detections(value: Any) -> Iterator[dict[str, Any]]:
    """Every group of facts that names a key, wherever it is."""
    if isinstance(value, dict):
        if "key_id" in value:
            yield value
        for item in value.values():
            yield from detections(item)
    if isinstance(value, list):
        for item in value:
            yield from detections(item)


def votes(root: Path, dataset: Dataset) -> dict[str, list[Picture]]:
    """Whatever is told per bit beside the id of a key."""
    found: dict[str, list[Picture]] = {}
    for document in documents(root, dataset):
        for one in detections(document):
            for value in one.values():
                if isinstance(value, list) and len(value) == BITS:
                    found.setdefault(one["key_id"], []).append(np.sign(np.array(value, float)))
    return found


def recovered(guesses: Iterable[tuple[str, Picture]], keys: Keys) -> set[str]:
    """Ids of the keys that a guess, or its opposite, gives."""
    right = set()
    for key_id, guess in guesses:
        if key_id in keys:
            matches = int(np.sum((np.asarray(guess) > 0) == np.array(keys[key_id][2], bool)))
            if max(matches, BITS - matches) >= RECOVERED:
                right.add(key_id)
    return right


def by_vote(root: Path, dataset: Dataset) -> list[tuple[str, Picture]]:
    found = votes(root, dataset).items()
    return [(key_id, guess) for key_id, signs in found for guess in (np.sum(signs, axis=0), *signs)]


def by_decoding(dataset: Dataset, keys: Keys) -> list[tuple[str, Picture]]:
    """Every stored picture, read by the public decoders of every scheme, against every key of its source."""
    schemes = {one["name"]: make_scheme(SchemeSettings(**one)) for one in SCHEMES[:2]}
    found = []
    for sample in dataset.select():
        for kind in (kind for kind in sample.members if kind.endswith("png")):
            picture = np.array(decode_image(sample.members[kind]))
            read = {name: scheme.scores(picture) for name, scheme in schemes.items()}
            found += [
                (key_id, read[scheme])
                for key_id, (source, scheme, _) in keys.items()
                if source == sample.row["source_id"]
            ]
    return found


def by_agreement(root: Path, dataset: Dataset, keys: Keys) -> list[tuple[str, Picture]]:
    """What was read of the unmarked picture of a clean start, which is also the marked one, with bits that agree."""
    told = votes(root, dataset)
    return [
        (key_id, np.sign(read) * sign) for key_id, read in by_decoding(dataset, keys) for sign in told.get(key_id, [])
    ]


def by_seed(dataset: Dataset, keys: Keys) -> list[tuple[str, Picture]]:
    """Keys from numbers that the dataset names, and from small ones."""
    seeds = {*range(50), dataset.manifest.recipe["seed"], *dataset.table.column("seed").to_pylist()}
    secrets = [public_secret(seed) for seed in seeds]
    manifest = dataset.manifest
    secrets += [text.encode() for text in (manifest.fingerprint, manifest.recipe["generator"]["secret_sha256"])]
    return [
        (key_id, np.array(make_payload(secret, source, scheme, length=BITS).bits) - 0.5)
        for key_id, (source, scheme, _) in keys.items()
        for secret in secrets
    ]


def test_a_dataset_without_a_secret_tells_its_keys(public: Dataset, folder: Path) -> None:
    keys, root = keys_of(public, None), folder / "public"
    for guesses in (by_vote(root, public), by_decoding(public, keys), by_seed(public, keys)):
        assert recovered(guesses, keys) == set(keys)


def test_no_attack_finds_a_hidden_key(hidden: Dataset, folder: Path) -> None:
    keys, root = keys_of(hidden, folder / "secret.bin"), folder / "hidden"
    assert len(keys) == 6
    assert hidden.manifest.members == ("cls", "json", "png")
    assert {sample.row["label"] for sample in hidden.select()} == {0}
    assert {row.withheld for row in read_rows(hidden).rows if row.positive} == {True}
    assert not keys.keys() & votes(root, hidden).keys()
    for guesses in (
        by_vote(root, hidden),
        by_decoding(hidden, keys),
        by_agreement(root, hidden, keys),
        by_seed(hidden, keys),
    ):
        assert not recovered(guesses, keys)


def test_an_unmarked_picture_can_be_the_marked_one(hidden: Dataset, folder: Path) -> None:
    """Why rows tell the number of matches alone: here, bits that agree with the key would tell it to all who read the
    unmarked picture.
    """
    scheme = make_scheme(SchemeSettings(name="dwtDctSvd"))
    keys = {
        source: bits for source, name, bits in keys_of(hidden, folder / "secret.bin").values() if name == scheme.name
    }
    rows = {row.source_id: row for row in read_rows(hidden).rows if (row.rung, row.scheme) == ("bare", scheme.name)}
    assert len(rows) == 3
    for sample in hidden.select(edit="bare"):
        source = sample.row["source_id"]
        read = scheme.scores(np.array(decode_image(sample.members["png"]))) > 0
        assert rows[source].detections[scheme.name].matches == np.sum(read == np.array(keys[source], bool))
        assert rows[source].detections[scheme.name].scores == ()


def test_nothing_released_holds_a_key_the_secret_or_a_digest_to_try_keys_against(hidden: Dataset, folder: Path) -> None:
    told = b"".join(data for _, data in released(folder / "hidden"))
    told += repr(hidden.table.to_pylist()).encode()
    keys = keys_of(hidden, folder / "secret.bin")
    texts = [SECRET.hex(), str(folder), "secret.bin"]
    sources = {sample.row["source_id"]: sample.members["png"] for sample in hidden.select(edit="pipeline")}
    for source, scheme, bits in keys.values():
        marked = embed(
            make_scheme(SchemeSettings(name=scheme)), np.array(decode_image(sources[source])), np.array(bits, np.uint8)
        )
        texts += [hashlib.sha256(encode_image(marked, "png")).hexdigest(), "".join(map(str, bits))]
    assert SECRET not in told
    assert not [text for text in texts if text.encode() in told]


def test_the_evaluation_needs_no_secret(hidden: Dataset, public: Dataset) -> None:
    """Marks of other keys are found as well; of unmarked samples, whose keys are public, everything is equal."""
    mine, other = (evaluate_watermark(dataset, [], quick(50)) for dataset in (hidden, public))
    assert [(cell.scheme, cell.rung, cell.n) for cell in mine.cells] == [
        (cell.scheme, cell.rung, cell.n) for cell in other.cells
    ]
    assert mine.nulls == other.nulls
    assert not any(cell.contradicting_p for cell in mine.cells)
    assert [cell.bit_accuracy.value > 0.95 for cell in mine.cells] == [True, False] * 2
    assert any("hidden by a secret: pictures of 12 marked samples are withheld" in line for line in mine.warnings)
    assert not any("hidden" in line for line in other.warnings)
    detector = named(NamedDetector("mean", lambda images: [float(image.mean()) for image in images]))
    with pytest.raises(RequestError, match="no picture with a mark"):
        evaluate_watermark(hidden, detector, quick(50))


def test_a_private_scheme_keeps_its_pictures_and_hides_its_bits(pack: Path, photos: Path, folder: Path) -> None:
    mine = {"name": "mine", "factory": "editmill.generators.watermark.schemes.invisible:DwtScheme", "private": True}
    options = {"name": "dwtDctSvd", "bits": 32}
    schemes = [{**mine, "name": "dwtDctSvd", "options": options}, {"name": "blind-watermark"}]
    secret = {"secret_file": str(folder / "secret.bin"), "schemes": schemes}
    attacks = [{"name": "pipeline", "start": "none"}]
    found = built_of(build_of(pack, photos, attacks=attacks, **secret))
    stored = {(row.parameters["watermark"].get("scheme", ""), row.status, bool(members)) for row, members in found}
    assert stored == {("dwtDctSvd", "ok", True), ("blind-watermark", "rejected", False), ("", "ok", True)}
    for row, _ in found:
        assert all(bool(one["scores"]) == (row.label == 0) for one in row.parameters["detections"])
        assert all(row.label == 0 or value == round(value, 2) for value in row.scores.values())
    with pytest.raises(ValidationError, match="originals beside pictures with the mark of dwtDctSvd"):
        build_of(pack, photos, originals="stored", **secret)


def test_what_a_scheme_says_of_its_payload_stays_in_the_log(
    pack: Path, photos: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(_: Any, image: Picture, payload: Picture) -> Picture:
        raise ValueError(f"no room for {payload.tolist()}")

    monkeypatch.setattr(BlindWatermark, "embed", tell)
    changes = {"schemes": [{"name": "blind-watermark"}], "attacks": [{"name": "pipeline", "start": "none"}]}
    for secret, shown in (({}, True), ({"secret_file": str(folder / "secret.bin")}, False)):
        details = {
            row.parameters["detail"] for row in rows_of(build_of(pack, photos, **changes, **secret)) if row.label
        }
        assert [("no room for" in detail) for detail in details] == [shown] * len(details)
        assert details


def test_a_secret_that_goes_or_changes_during_a_build_ends_it(pack: Path, photos: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(SECRET)
    build_ = build_of(pack, photos, secret_file=str(secret), attacks=[{"name": "pipeline", "start": "none"}])
    samples = plan_of(build_)
    for change, words in (
        (lambda: secret.write_bytes(SECRET + b"\r\n"), "was changed"),
        (secret.unlink, "No such file"),
        (lambda: os.mkfifo(secret), "a FIFO"),
    ):
        change()
        with pytest.raises(RequestError, match=words):
            built_of(build_, samples)


def test_keys_names_what_is_wrong_with_a_secret(hidden: Dataset, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").touch()
    (tmp_path / "crlf").write_bytes(SECRET + b"\r\n")
    for name, words in (
        ("folder", "a folder"),
        ("fifo", "a FIFO"),
        ("empty", "0 bytes"),
        ("crlf", "not the secret"),
        ("missing", "No such file"),
    ):
        with pytest.raises(RequestError, match=words):
            list(reveal_keys(hidden, tmp_path / name))


def test_a_folder_with_the_secret_in_it_is_no_place_for_a_dataset(pack: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(SECRET)
    with pytest.raises(OccupiedError, match="not empty"):
        make(pack, photos, tmp_path, f"generator.secret_file={tmp_path / 'secret.bin'}")
