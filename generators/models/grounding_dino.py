"""What Grounding DINO sees in a picture: boxes, and how well each fits each query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import box_convert

from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_processor, load_tokenizer
from editmill.manifests.arrays import Picture


class GroundingSight:
    """Grounding DINO (Liu et al., arXiv 2303.05499), which reads its queries as one text: "a cat. a dog.".

    A score for a query is the best of its tokens, and depends a little on the queries beside it.
    """

    def __init__(self, models: Models, role: str) -> None:
        self.model: Any = models.get(role)
        self.device = models.device
        self.processor, self.tokenizer = load_processor(models, role), load_tokenizer(models, role)
        self.stop = self.tokenizer.convert_tokens_to_ids(".")

    def look(self, images: list[Picture], queries: list[tuple[str, ...]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield for each image boxes in its pixels, float32 [boxes, 4] (left, top, right, bottom), and their scores for
        its queries in [0, 1], float32 [boxes, queries].

        Queries that are too long for one text are asked in several, each with boxes of its own; a box has a score of 0
        for the queries of other texts.
        """
        for image, texts in zip(images, queries, strict=True):
            # A decoded picture may be read-only, which torch warns of.
            pixels = self.processor(images=np.require(image, requirements="W"), return_tensors="pt").to(self.device)
            found = [self._ask(pixels, part) for part in self.texts(texts)]
            height, width = image.shape[:2]
            sides = torch.tensor([width, height, width, height], device=self.device)
            boxes = torch.cat([boxes for boxes, _ in found]).clamp(0, 1) * sides
            yield boxes, torch.block_diag(*[scores for _, scores in found])  # type: ignore[no-untyped-call]

    def texts(self, queries: tuple[str, ...]) -> list[list[list[int]]]:
        """Return the tokens of each query, in groups that fit into one text."""
        groups: list[list[list[int]]] = [[]]
        for query in queries:
            # The signs that end a query are no part of one.
            plain = query.lower().replace(".", " ").replace("?", " ")
            tokens = self.tokenizer(plain, add_special_tokens=False).input_ids
            # Beside the queries a text has a stop after each, a start and an end.
            length = sum(len(other) + 1 for other in groups[-1]) + len(tokens) + 3
            if groups[-1] and length > self.model.config.max_text_len:
                groups.append([])
            groups[-1].append(tokens)
        return groups

    def _ask(self, pixels: Any, queries: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Return boxes within the picture as shares of it, [boxes, 4], and their scores, [boxes, queries]."""
        ids, owners = [self.tokenizer.cls_token_id], [-1]
        for number, tokens in enumerate(queries):
            ids += [*tokens, self.stop]
            owners += [*[number] * len(tokens), -1]
        text = torch.tensor([[*ids, self.tokenizer.sep_token_id]], device=self.device)
        output = self.model(
            pixel_values=pixels.pixel_values.to(self.model.dtype),
            pixel_mask=pixels.pixel_mask,
            input_ids=text,
            attention_mask=torch.ones_like(text),
            token_type_ids=torch.zeros_like(text),
        )
        fits = output.logits[0].float().sigmoid()
        of = torch.tensor(owners, device=self.device)
        scores = [fits[:, : len(owners)][:, of == number].amax(dim=1) for number in range(len(queries))]
        return box_convert(output.pred_boxes[0].float(), "cxcywh", "xyxy"), torch.stack(scores, dim=1)
