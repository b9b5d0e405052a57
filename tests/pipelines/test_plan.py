"""Plans: complete, seeded, stable when sources come and go."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from editmill.generators.base.guards import GuardEntry
from editmill.generators.base.samples import PlannedSample
from editmill.manifests.errors import ModelError, RecipeError, RequestError, SourceError
from editmill.manifests.plugins import Registry
from editmill.pipelines.plan import make_plan
from editmill.pipelines.plan_file import PlannedShard
from editmill.pipelines.recipe import load_recipe
from tests.pipelines.conftest import MakePlan
from tests.pipelines.photos import write_photos


def by_key(plan_shards: tuple[PlannedShard, ...]) -> dict[str, tuple[int, PlannedSample]]:
    return {sample.key: (number, sample) for number, shard in enumerate(plan_shards) for sample in shard}


def test_names_of_classes_are_in_the_order_of_labels(tiny_plan: MakePlan, tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 2)
    labels.write_text(labels.read_text().replace(",0,w0,", ",7,w0,"))
    assert list(tiny_plan(labels=labels).class_names.items()) == [(1, "box"), (7, "disc")]


@pytest.mark.parametrize(
    ("classes", "why"),
    [("[box, disc, box]", "classes: 'box' is named twice"), ("[box, cup]", "classes lacks 1 of .*, such as 'disc'")],
)
def test_a_list_of_classes_names_each_class_of_the_sources_once(photos: Path, classes: str, why: str) -> None:
    def planned(classes: str, models: str) -> int:
        recipe = load_recipe("imagenet-e", source=f"folder:{photos}", models=models, overrides=[f"classes={classes}"])
        return len(make_plan(recipe).class_names)

    with pytest.raises(RecipeError, match=why):
        planned(classes, "sd15")
    with pytest.raises(RecipeError, match=r"source\.only: 'crab' is named twice"):
        load_recipe("imagenet-e", source="photographs:crab,tabby,crab")
    assert planned("[cup, disc, box]", "sd15") == 2
    # Its judges have a list of their own.
    assert planned("[cup]", "tabletop") == 2


def test_every_source_gets_every_edit_once(tiny_plan: MakePlan) -> None:
    plan = tiny_plan()
    samples = by_key(plan.shards)
    assert len(samples) == sum(len(shard) for shard in plan.shards) == 4 * 10
    assert plan.counts == {
        "original": 4,
        "paste-back": 4,
        "size-01": 4,
        "size-005": 4,
        "full": 4,
        "position-005": 4,
        "direction-005": 4,
        "background": 8,
        "random-background": 4,
    }


def test_samples_of_a_source_lie_together_in_one_shard(tiny_plan: MakePlan) -> None:
    for shard in tiny_plan("shards=3").shards:
        order = [sample.source.id for sample in shard]
        assert order == [identity for identity in dict.fromkeys(order) for _ in range(10)]


def test_a_pack_without_backgrounds_is_a_request_error(tiny_plan: MakePlan, tiny_pack: Path, tmp_path: Path) -> None:
    document = {**yaml.safe_load(tiny_pack.read_text()), "backgrounds": []}
    bare = tmp_path / "bare.yaml"
    bare.write_text(yaml.safe_dump(document))
    with pytest.raises(RequestError, match="the pack has no backgrounds"):
        tiny_plan(f"models={bare}")


class Twin:
    """A factory of guards with a score that the family has already."""

    version = 1
    score_names = ("clip_margin",)


def test_two_guards_with_one_score_are_refused_before_anything_is_made(
    tiny_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack, recipe = tiny_plan().pack, tiny_plan().recipe
    name = recipe.family.score_names(recipe.asked(pack))[0]
    monkeypatch.setattr(Twin, "score_names", (name,))
    guards = Registry[Any]("editmill.guards", "guard", {"own": "tests.pipelines.test_plan:Twin"})
    monkeypatch.setattr("editmill.pipelines.plan.GUARDS", guards)
    with pytest.raises(RecipeError, match="the guard 'own' has a score of a name"):
        make_plan(recipe.model_copy(update={"guards": (GuardEntry(name="own"),)}))


def test_a_plan_is_a_function_of_its_recipe(tiny_plan: MakePlan) -> None:
    one, two = tiny_plan(), tiny_plan()
    assert replace(one, file=two.file, shards=()) == replace(two, shards=())
    assert list(map(list, one.shards)) == list(map(list, two.shards))
    other = by_key(tiny_plan("seed=5").shards)
    same = by_key(tiny_plan().shards)
    assert any(other[key][1].edit != same[key][1].edit for key in same)


def test_an_added_source_leaves_the_other_samples_alone(tiny_plan: MakePlan, tmp_path: Path, photos: Path) -> None:
    more = tmp_path / "more"
    shutil.copytree(photos.parent, more)
    before, after = by_key(tiny_plan().shards), by_key(tiny_plan(labels=write_photos(more, 5)).shards)
    assert before.keys() < after.keys()
    changed = [key for key in before if (before[key][0], before[key][1].edit) != (after[key][0], after[key][1].edit)]
    assert all("random-background" in key for key in changed)


def test_partners_have_another_label(tiny_plan: MakePlan) -> None:
    partners = [sample for _, sample in by_key(tiny_plan().shards).values() if sample.edit.name == "random-background"]
    assert partners
    assert all(sample.partner is not None and sample.partner.label != sample.source.label for sample in partners)


def test_the_licence_is_the_one_that_all_photographs_state(tiny_plan: MakePlan, tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 2)
    head, *rows = labels.read_text().splitlines()
    for stated, told in (
        (("MIT", "MIT"), "MIT"),
        (("MIT", "CC0-1.0"), "each source states its own"),
        (("", ""), ""),
    ):
        lines = [f"{head},licence", *(f"{row},{one}" for row, one in zip(rows, stated, strict=True))]
        labels.write_text("\n".join(lines) + "\n")
        assert tiny_plan(labels=labels).sources.licence == told


def test_an_unknown_pack_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match="tabletop"):
        make_plan(load_recipe("imagenet-e", models="nosuch"))


def test_a_source_without_anything_to_edit_is_an_error(tmp_path: Path, tiny_pack: Path) -> None:
    labels = write_photos(tmp_path, 1)
    instances = tmp_path / "instances.json"
    image = {"id": 1, "file_name": "p0.png", "width": 96, "height": 64}
    crowd = {"id": 5, "image_id": 1, "category_id": 7, "iscrowd": 1, "area": 900, "segmentation": []}
    document = {"images": [image], "annotations": [crowd], "categories": [{"id": 7, "name": "ball"}]}
    instances.write_text(json.dumps(document))
    edits = ("generator.edits=[{name: original}]",)
    recipe = load_recipe("imagenet-e", source=f"coco:{instances}", models=str(tiny_pack), overrides=edits)
    with pytest.raises(SourceError, match="nothing to make edited pictures of") as caught:
        make_plan(recipe)
    assert str(instances) in str(caught.value)
    # A source that can't be used is something: a row with its reason.
    (labels.parent / "images/p0.png").write_bytes(b"no picture")
    plan = make_plan(load_recipe("imagenet-e", source=f"folder:{labels}", models=str(tiny_pack), overrides=edits))
    assert len(list(plan.samples())) == 1
