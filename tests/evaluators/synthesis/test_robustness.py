from __future__ import annotations

import pytest

from editmill.evaluators.synthesis.robustness import Accuracy, ClassifierResult, effective_robustness


def result(name: str, real: int, generated: int, n: int = 100) -> ClassifierResult:
    def accuracy(correct: int) -> Accuracy:
        return Accuracy(correct, n, correct / n, 0.0, 1.0)

    return ClassifierResult(name, {"original": accuracy(real), "text": accuracy(generated)}, {}, accuracy(generated))


def test_models_on_one_line_have_none() -> None:
    found = effective_robustness([result(name, number, number) for name, number in (("a", 60), ("b", 75), ("c", 90))])
    assert [one.conditioning for one in found] == ["text"] * 3 + [""] * 3
    assert all(abs(one.value) < 0.005 for one in found)


def test_a_model_above_the_line_is_robust() -> None:
    found = effective_robustness([result("a", 60, 40), result("b", 75, 75), result("c", 90, 70)])
    values = {one.model: one.value for one in found if one.conditioning == "text"}
    assert values["b"] > 0.05 > 0 > values["a"]


def test_the_line_needs_three_unequal_models_and_the_control() -> None:
    assert effective_robustness([result("a", 60, 50), result("b", 70, 60)]) == ()
    assert effective_robustness([result(name, 60, 50) for name in "abc"]) == ()
    bare = ClassifierResult("c", {"text": result("c", 1, 50).accuracy["text"]}, {}, None)
    assert effective_robustness([result("a", 60, 50), result("b", 70, 60), bare]) == ()


def test_perfect_models_are_finite() -> None:
    found = effective_robustness([result("a", 100, 100), result("b", 90, 0), result("c", 0, 50)])
    assert all(one.expected == pytest.approx(one.shift - one.value) for one in found)
