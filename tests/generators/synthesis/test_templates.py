from __future__ import annotations

from editmill.generators.synthesis.templates import CLIP_TEMPLATES, class_prompt, pack_templates
from editmill.pipelines.packs import find_pack


def test_the_published_templates() -> None:
    assert len(set(CLIP_TEMPLATES)) == 80
    assert all(template.count("{}") == 1 for template in CLIP_TEMPLATES)


def test_the_embedded_pack_has_prompts_of_its_world() -> None:
    templates = pack_templates(find_pack("tabletop"))
    assert len(set(templates)) == 64
    assert class_prompt(templates[0], "ball") == "a red ball on a wooden table"
    assert "an orange {} on a wooden table" in templates


def test_packs_without_colours_have_the_prompt_of_the_role_and_synonyms_are_cut() -> None:
    pack = find_pack("tabletop").model_copy(update={"attributes": {}})
    assert pack_templates(pack) == ("a photo of a {}",)
    assert class_prompt("a photo of a {}", "cock, rooster") == "a photo of a cock"
