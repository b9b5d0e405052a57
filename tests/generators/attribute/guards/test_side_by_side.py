"""All guards of attribute edits with the embedded networks: several candidates side by side, and each alone."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.attribute.guards.all import make_guards
from editmill.generators.attribute.guards.base import check_all
from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.base.guards import Verdict
from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.generators.models.together import side_by_side
from editmill.packs.tabletop.world import CLASSES
from tests.generators.guards.conftest import Toy

BATCH = 4


def test_verdicts_side_by_side_are_those_alone_in_fewer_calls(tabletop: Models, toys: tuple[Toy, ...]) -> None:
    models = Models(tabletop.pack, Placement(device="cpu", batch=BATCH))
    # With the object left in, laid back, and as another's background: every guard is asked, and some reject.
    jobs = [
        (toy.job("size", level=0.05), toy.composite(removed=ground))
        for toy in toys
        for ground in (toy.ground, toy.source.image)
    ]
    jobs += [
        (toy.job("random-background", partner=toys[0].source), toy.composite(removed=toys[0].ground)) for toy in toys
    ]
    passes: dict[str, list[int]] = defaultdict(list)

    def count(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        # The first layer of an image tower.
        if isinstance(module, torch.nn.Conv2d) and module.in_channels == 3:
            passes[str(id(module))].append(len(inputs[0]))

    def judged(most: int) -> list[Verdict]:
        guards = make_guards(GuardSettings(), models, class_names=CLASSES)

        def check(one: tuple[EditJob, Candidate]) -> Verdict:
            assert one[1].image is not None
            return check_all(guards, *one, one[1].image)

        passes.clear()
        return side_by_side(check, jobs, most=most)

    hook = register_module_forward_pre_hook(count)
    try:
        alone, calls = judged(1), {name: len(sizes) for name, sizes in passes.items()}
        together = judged(BATCH)
    finally:
        hook.remove()
    assert together == alone
    assert any(verdict.reasons for verdict in alone)
    assert {size for sizes in passes.values() for size in sizes} == {BATCH}
    # Two judges, a detector and a segmenter.
    assert len(passes) == 4
    # The segmenter remembers the pictures that it saw last, so that alone it is called less often than the others.
    assert sorted(len(passes[name]) / calls[name] <= 1 / 2 for name in calls) == [False, True, True, True]
    assert all(len(passes[name]) < calls[name] for name in calls)
