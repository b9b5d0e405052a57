from __future__ import annotations

import pytest
from pydantic import ValidationError

from editmill.generators.base.family import Asked
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.synthesis.family import SynthesisFamily
from editmill.generators.synthesis.settings import BudgetSettings, RetrySettings, SelectionSettings, SynthesisSettings
from editmill.manifests.errors import RequestError


@pytest.mark.parametrize("model", [BudgetSettings, RetrySettings, SelectionSettings])
def test_unknown_keys_are_errors_and_values_are_frozen(model: type[BudgetSettings]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        model.model_validate({"strenght": 1})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model(), next(iter(model.model_fields)), 1)


def test_settings_that_contradict_each_other_are_errors() -> None:
    with pytest.raises(ValidationError, match="which needs them"):
        SelectionSettings(mode="surrogate")
    with pytest.raises(ValidationError, match="the mode is untargeted"):
        SelectionSettings(surrogates=("classifier",))
    with pytest.raises(ValidationError, match=r"least_wrong \(2\) is more than the 1"):
        SelectionSettings(mode="surrogate", surrogates=("classifier",), least_wrong=2)
    with pytest.raises(ValidationError, match="above most_strength"):
        RetrySettings(least_strength=0.9, most_strength=0.5)


def test_more_steps_than_a_sampler_knows_are_refused_in_the_plan() -> None:
    drawing = RoleEntry(cls="diffusers.StableDiffusionPipeline", path="here", licence="none", sampler="lcm")
    pack = PackSpec(name="toy", description="", backgrounds=(), worlds=("*",), roles={"text_to_image": drawing})
    settings = SynthesisSettings.model_validate({"kind": "synthesis", "conditionings": [{"name": "text"}], "steps": 51})
    with pytest.raises(RequestError, match="lcm of the pack 'toy' was trained on 50 steps, and 51 are asked for"):
        SynthesisFamily().resolve(Asked(settings, EnsembleSettings(), 0, "png", pack, source_kind="folder"))
