"""The page of a dataset: which samples it shows, that nothing breaks out of it, and that evaluations are read back."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from editmill.evaluators import render, report
from editmill.evaluators.dataset_page.cards import changes, shelves
from editmill.evaluators.dataset_page.choosing import Limit, choose
from editmill.evaluators.dataset_page.page import dataset_page
from editmill.evaluators.dataset_page.pictures import embed
from editmill.evaluators.stored import read_evaluation
from editmill.evaluators.tables import to_text
from editmill.manifests import Dataset, RequestError
from tests.browser import browser, findings, missing
from tests.evaluators.builder import PixelClassifier, build, drops

LIMITS = [Limit("area", 0.4, "geometry"), Limit("margin", 0.0, "label")]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four sources, of which one has no ``full``; the margin of the first is nearest to the threshold."""
    folder = tmp_path_factory.mktemp("page")
    return build(folder, sources=4, rejected={(2, "full")}, scores=lambda number: {"margin": 0.1 + number})


@pytest.fixture(scope="module")
def evaluated(made: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation in JSON, with its predictions beside it, of a model that is wrong on ``full`` of one source."""
    found = report(drops(made, PixelClassifier(lambda number, edit, replica: (number, edit) == (1, "full"), HOSTILE)))
    path = tmp_path_factory.mktemp("evaluated") / "e.json"
    path.write_text(render(found, "json"))
    pq.write_table(found.predictions, path.with_suffix(".parquet"))
    return path


def test_an_evaluation_is_read_back(made: Dataset, evaluated: Path, tmp_path: Path) -> None:
    stored = read_evaluation(evaluated, made.manifest)
    found = report(drops(made, PixelClassifier(lambda number, edit, replica: (number, edit) == (1, "full"), HOSTILE)))
    assert list(map(to_text, stored.shown.tables)) == list(map(to_text, found.shown.tables))
    assert stored.shown.plots == list(found.shown.plots)
    for text, words in (("{", "not an evaluation"), (evaluated.read_text().replace("fff", "eee"), "another dataset")):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(RequestError, match=words):
            read_evaluation(tmp_path / "other.json", made.manifest)


def test_a_typical_a_near_a_rejected_and_the_worst_sample_are_chosen(made: Dataset, evaluated: Path) -> None:
    predictions = read_evaluation(evaluated, made.manifest).predictions
    chosen = {one.kind: one for one in choose(made, "full", LIMITS, predictions)}
    assert chosen["near"].row["source_id"] == "img000"
    assert chosen["near"].why == "margin 0.1, threshold label 0"
    assert (chosen["rejected"].row["source_id"], chosen["worst"].row["source_id"]) == ("img002", "img001")
    assert "geometry_off" in chosen["rejected"].why
    assert "area 1, threshold geometry 0.4" in chosen["rejected"].why
    assert chosen["typical"].row["source_id"] == "img001"


def test_limits_that_did_not_decide_are_near_to_nothing(tmp_path: Path) -> None:
    scores = [{"margin": 0.1, "judged": 0.0}, {"margin": 0.5, "judged": 1.0}, {"margin": 2.5, "judged": 1.0}]
    dataset = build(tmp_path, sources=3, scores=lambda number: scores[number])
    near = [
        one for one in choose(dataset, "full", [Limit("margin", 0.0, "label", "judged")], None) if one.kind == "near"
    ]
    assert [one.row["source_id"] for one in near] == ["img001"]
    # Which of two limits decided is not known from the score alone.
    several = [Limit("margin", 0.0, "label"), Limit("margin", 0.2, "small_label")]
    assert "near" not in {one.kind for one in choose(dataset, "full", several, None)}


def test_cards_have_the_source_the_mask_and_what_changed(made: Dataset) -> None:
    cards = {shelf.edit: shelf.cards for shelf in shelves(made, LIMITS, None)}
    assert list(cards) == made.edits()
    labels = ["sample", "source", "mask", "difference, 4 times"]
    assert [picture.label for picture in cards["size"][0].pictures] == labels
    assert [picture.label for picture in cards["full"][-1].pictures] == ["source"]


def test_a_sample_has_one_card_and_one_without_any_picture_names_its_source(
    made: Dataset, evaluated: Path, tmp_path: Path
) -> None:
    predictions = read_evaluation(evaluated, made.manifest).predictions
    cards = {shelf.edit: shelf.cards for shelf in shelves(made, LIMITS, predictions)}
    assert [card.kind for card in cards["full"]] == ["Typical, worst for a model", "Rejected"]
    assert any("loses most here" in fact for fact in cards["full"][0].facts)
    nothing = build(tmp_path, sources=1, rejected={(0, edit) for edit in made.edits()})
    (card,) = shelves(nothing, [], None)[0].cards
    assert not card.pictures
    assert "no picture of its source img000 is in this dataset" in card.facts


def test_the_page_is_one_file_of_equal_bytes_in_which_names_are_text(made: Dataset, evaluated: Path) -> None:
    pytest.importorskip("matplotlib")
    evaluations = [read_evaluation(evaluated, made.manifest)]
    made.manifest.recipe["description"] = "of `a<b`, one ` alone"
    html = dataset_page(made, limits=LIMITS, evaluations=evaluations)
    assert html == dataset_page(made, limits=LIMITS, evaluations=evaluations)
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)" in html
    assert '<p class="about">of <code>a&lt;b</code>, one ` alone</p>' in html
    assert not re.search(r'(src|href)="(?!#|data:image/)|@import|url\([^#]', html)
    assert all(f"<h3>{edit}</h3>" in html for edit in made.edits())


def test_what_a_caption_gained_and_lost_is_marked() -> None:
    parameters = {"caption": "a red mug, on bricks", "text": "a <b> large mug, on bricks"}
    parts = changes(parameters, made=True)
    assert "".join(words for kind, words in parts if kind != "del") == parameters["text"]
    assert "".join(words for kind, words in parts if kind != "ins") == parameters["caption"]
    assert ("del", "red") in parts
    assert changes(parameters, made=False) == [("", parameters["caption"])]
    assert changes({}, made=True) == []


def test_pictures_keep_within_their_size() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8))
    found = embed("noise", noise, 20_000)
    assert found.address.startswith("data:image/jpeg;base64,")
    assert len(found.address) < 27_000
    assert (found.width, found.height) == (900, 700)


@pytest.mark.slow
def test_a_browser_finds_nothing_serious(made: Dataset, evaluated: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    if missing():
        pytest.skip(f"not installed: {missing()}")
    (tmp_path / "bad.html").write_text("<title>bad</title><img src='x.png'><p style='width:2000px;color:#eee'>pale")
    page = tmp_path / "page.html"
    page.write_text(dataset_page(made, limits=LIMITS, evaluations=[read_evaluation(evaluated, made.manifest)]))
    with browser() as tab:
        tab.show(tmp_path / "bad.html", 390, "light")
        assert {line.split(": ")[1] for line in findings(tab)[:-1]} >= {"image-alt", "color-contrast"}
        assert "pixels too wide" in findings(tab)[-1]
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                tab.show(page, width, scheme)
                assert findings(tab) == []
        # Choosing a picture enlarges it, arrow keys lead on, and Escape leads back to the picture.
        tab.run("document.querySelector('.picture').click()")
        about = "document.getElementById('zoom-about').textContent"
        first = tab.run(about)
        for key, code in (("ArrowRight", 39), ("Escape", 27)):
            tab.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code)
            assert tab.run(about) != first
        assert tab.run("document.getElementById('zoom').open") is False
        # The browser tells the page a moment later that the dialog is closed.
        tab.run("new Promise(done => setTimeout(done, 500))")
        assert tab.run("document.activeElement.className") == "picture"
