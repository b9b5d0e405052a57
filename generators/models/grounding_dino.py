"""What Grounding DINO sees in a picture: boxes, and how well each fits each query."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import in_micro_batches
from editmill.generators.models.preprocessing import load_processor, load_tokenizer
from editmill.manifests.arrays import Picture


@dataclass(frozen=True)
class _Asked:
    """One text about one picture.

    Attributes:
        pixels: What the processor makes of the picture, float32 [3, H, W].
        ids: Tokens of the text.
        owners: The query that each token belongs to; -1 for none.
    """

    pixels: Tensor
    ids: list[int]
    owners: list[int]

    @property
    def bucket(self) -> Hashable:
        """What pictures in one call have in common, so that none is padded."""
        return self.pixels.shape, len(self.ids)


class GroundingSight:
    """Grounding DINO (Liu et al., arXiv 2303.05499), which reads its queries as one text: "a cat. a dog.".

    A score for a query is the best of its tokens, and depends a little on the queries beside it. Text and picture
    attend to each other, and padding of either changes scores: so pictures share a call only where the processor makes
    them equally large and their texts have as many tokens. Calls are not filled up, since sizes differ much: a score
    may differ in its last bits with the number of pictures in its call.

    Args:
        models: The models.
        role: The detector's role.
        batch: Pictures in a call at most.
    """

    def __init__(self, models: Models, role: str, batch: int = 1) -> None:
        self.model: Any = models.get(role)
        self.device, self.batch = models.device, batch
        self.processor, self.tokenizer = load_processor(models, role), load_tokenizer(models, role)
        self.stop = self.tokenizer.convert_tokens_to_ids(".")

    def look(self, images: list[Picture], queries: list[tuple[str, ...]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield for each image boxes in its pixels, float32 [boxes, 4] (left, top, right, bottom), and their scores for
        its queries in [0, 1], float32 [boxes, queries].

        Queries that are too long for one text are asked in several, each with boxes of its own; a box has a score of 0
        for the queries of other texts.
        """
        asked = [self._asked(image, texts) for image, texts in zip(images, queries, strict=True)]
        answers = iter(self._answers([one for mine in asked for one in mine]))
        for image, mine in zip(images, asked, strict=True):
            found = list(islice(answers, len(mine)))
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

    def _asked(self, image: Picture, queries: tuple[str, ...]) -> list[_Asked]:
        # A decoded picture may be read-only, which torch warns of.
        (pixels,) = self.processor(images=np.require(image, requirements="W"), return_tensors="pt").pixel_values
        return [_Asked(pixels, *self._text(part)) for part in self.texts(queries)]

    def _text(self, queries: list[list[int]]) -> tuple[list[int], list[int]]:
        ids, owners = [self.tokenizer.cls_token_id], [-1]
        for number, tokens in enumerate(queries):
            ids += [*tokens, self.stop]
            owners += [*[number] * len(tokens), -1]
        return [*ids, self.tokenizer.sep_token_id], [*owners, -1]

    def _answers(self, asked: list[_Asked]) -> list[tuple[Tensor, Tensor]]:
        """Return for each boxes within the picture as shares of it, [boxes, 4], and their scores, [boxes, queries]."""
        buckets: dict[Hashable, list[int]] = {}
        for number, one in enumerate(asked):
            buckets.setdefault(one.bucket, []).append(number)
        found: dict[int, tuple[Tensor, Tensor]] = {}
        for numbers in buckets.values():
            answers = in_micro_batches([asked[number] for number in numbers], self.batch, self._run)
            found.update(zip(numbers, answers, strict=True))
        return [found[number] for number in range(len(asked))]

    def _run(self, asked: Sequence[_Asked]) -> list[tuple[Tensor, Tensor]]:
        """Call the network with one bucket."""
        pixels = torch.stack([one.pixels for one in asked]).to(self.device, self.model.dtype)
        text = torch.tensor([one.ids for one in asked], device=self.device)
        output = self.model(
            pixel_values=pixels,
            pixel_mask=torch.ones_like(pixels[:, 0], dtype=torch.int64),
            input_ids=text,
            attention_mask=torch.ones_like(text),
            token_type_ids=torch.zeros_like(text),
        )
        from torchvision.ops import box_convert

        fits = output.logits.float().sigmoid()
        boxes = box_convert(output.pred_boxes.float(), "cxcywh", "xyxy")
        return [(own, _by_query(fit, one.owners)) for own, fit, one in zip(boxes, fits, asked, strict=True)]


def _by_query(fits: Tensor, owners: list[int]) -> Tensor:
    """Return the score of each query for each box, [boxes, queries], from those of the tokens, [boxes, tokens]."""
    of = torch.tensor(owners, device=fits.device)
    return torch.stack(
        [fits[:, : len(owners)][:, of == number].amax(dim=1) for number in range(max(owners) + 1)], dim=1
    )
