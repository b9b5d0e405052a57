from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from editmill.evaluators import predict, predict_each
from editmill.evaluators.adapters.functions import FunctionClassifier
from editmill.manifests import DataError, Dataset, ModelError, RequestError, Sample
from tests.evaluators.builder import PixelClassifier, build


def test_every_accepted_sample_is_predicted_once_in_reading_order(dataset: Dataset) -> None:
    table = predict(dataset, PixelClassifier(), batch_size=10, progress=False)
    assert table["key"].to_pylist() == [sample.key for sample in dataset]
    assert table["predicted"].to_pylist() == table["label"].to_pylist()
    rows = {row["key"]: row for row in dataset.table.to_pylist()}
    for found in table.to_pylist():
        assert all(
            found[name] == rows[found["key"]][name] for name in ("source_id", "edit", "level", "replica", "label")
        )


def test_several_models_take_one_pass_over_the_pictures(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    class Brightness(PixelClassifier):
        """Says how bright a picture is, in two steps."""

        def prepare(self, image: np.ndarray) -> float:
            return float(image.mean())

        def classify(self, prepared: list[float]) -> np.ndarray:
            return np.array(prepared, dtype=np.int64)

    decoded: list[str] = []
    decode = Sample.image
    monkeypatch.setattr(Sample, "image", lambda sample: decoded.append(sample.key) or decode(sample))
    labels, brightness = predict_each(dataset, [PixelClassifier(), Brightness()], batch_size=10, progress=False)
    assert sorted(decoded) == sorted(dataset.keys())
    assert labels.equals(predict(dataset, PixelClassifier(), progress=False))
    means = [int(np.asarray(sample.image()).mean()) for sample in dataset]
    assert brightness["predicted"].to_pylist() == means
    assert set(means) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("batch_size", [1, 7, 56, 100])
def test_batches_hold_at_most_what_was_asked_for(dataset: Dataset, batch_size: int) -> None:
    classifier = PixelClassifier()
    table = predict(dataset, classifier, batch_size=batch_size, progress=False)
    assert sum(classifier.batches) == table.num_rows == 56
    assert all(size == min(batch_size, 56) for size in classifier.batches[:-1])


def test_the_bar_is_silent_for_short_runs_and_when_switched_off(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(dataset.select(edit="full"), PixelClassifier(), progress=True)
    predict(dataset.select(edit="full"), PixelClassifier(), progress=False)
    assert capsys.readouterr().err == ""


def test_a_batch_needs_an_image(dataset: Dataset) -> None:
    with pytest.raises(RequestError, match="at least one image"):
        predict(dataset, PixelClassifier(), batch_size=0)


def test_a_dataset_without_accepted_samples_is_wrong_data(tmp_path: Path) -> None:
    edits = ("original", "paste-back", "size", "background", "full")
    dataset = build(tmp_path, sources=2, rejected={(number, edit) for number in range(2) for edit in edits})
    with pytest.raises(DataError, match="no accepted sample") as caught:
        predict(dataset, PixelClassifier())
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("answer", [np.zeros(3, dtype=np.int64), np.zeros(8), np.zeros((8, 3), dtype=np.int64)])
def test_answers_that_are_no_labels_are_refused(dataset: Dataset, answer: np.ndarray) -> None:
    class Odd:
        name = "odd"

        def predict(self, images: list[np.ndarray]) -> np.ndarray:
            return answer

    with pytest.raises(ModelError, match=r"odd gave .* for 8 images \(samples .*__full__0 to .*__full__0\)"):
        predict(dataset.select(edit="full"), Odd(), progress=False)


def test_a_model_that_fails_is_told_with_the_samples_that_it_was_asked_about(dataset: Dataset) -> None:
    def infinite(images: list[np.ndarray]) -> np.ndarray:
        return np.full(len(images), np.nan)

    keys = [sample.key for sample in dataset.select(edit="full")]
    with pytest.raises(ModelError, match="user:infinite returned float64") as caught:
        predict(dataset.select(edit="full"), FunctionClassifier("user:infinite", infinite), progress=False)
    assert f"(samples {keys[0]} to {keys[-1]})" in caught.value.what
    assert (caught.value.where, caught.value.exit_code) == ("--model", 2)
