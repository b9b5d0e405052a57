from __future__ import annotations

from pathlib import Path

import torch
from transformers import VisionTextDualEncoderModel

from editmill.packs.tabletop.training.evaluation_encoder import WIDTHS, EvaluationEncoderTask


def test_the_dual_encoder_reads_the_convnets_pooled_width() -> None:
    module = EvaluationEncoderTask(steps=1, size=2).module()
    assert module.dual.visual_projection.in_features == WIDTHS[-1]
    assert module.dual.config.vision_config.hidden_size == WIDTHS[-1]


def test_going_on_starts_from_the_weights(tmp_path: Path) -> None:
    first = EvaluationEncoderTask(steps=1, size=2)
    torch.manual_seed(0)
    first.save(first.module(), tmp_path)
    further = EvaluationEncoderTask(steps=1, size=2, start=tmp_path)
    saved, loaded = (
        VisionTextDualEncoderModel.from_pretrained(tmp_path).state_dict(),
        further.module().dual.state_dict(),
    )
    assert all(torch.equal(saved[name].float(), loaded[name].float()) for name in saved)
