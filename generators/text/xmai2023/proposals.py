"""Candidate words of the published algorithm: what the masked language model proposes, less what its scripts filter out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from generators.models.masked_lm import MaskedLm
from generators.text.language.spans import words_of
from generators.text.xmai2023.stopwords import STOPWORDS

PRECEDING = 3


@dataclass(frozen=True)
class Blank:
    """A text with a mask before the word at ``place``, and the places of masks before it that are not filled yet (defect 2)."""

    text: str
    place: int
    noun: str
    open_masks: tuple[int, ...] = ()


class Proposer:
    """The ``kept`` best of the ``top`` tokens for each blank, with their probability among all tokens."""

    def __init__(self, model: MaskedLm, *, top: int, kept: int, legacy_bugs: tuple[int, ...] = ()) -> None:
        self.model, self.top, self.kept, self.bugs = model, top, kept, frozenset(legacy_bugs)

    def propose(self, blanks: list[Blank]) -> list[list[tuple[str, float]]]:
        """Candidates per blank, best first; a word piece begins with ``##`` (defect 3)."""
        encoded = [self._encode(blank) for blank in blanks]
        ranked = self.model.token_probabilities([ids for ids, _ in encoded], [place for _, place in encoded], self._tokens, top=self.top)
        return [
            [(self._names[token], probability) for token, probability in one if self._passes(self._names[token], blank)][: self.kept]
            for one, blank in zip(ranked, blanks, strict=True)
        ]

    def _passes(self, word: str, blank: Blank) -> bool:
        before = [one.text for one in words_of(blank.text[: blank.place])]
        # Defect 5: an index below zero makes the list of preceding words empty near the start.
        preceding = [] if 5 in self.bugs and len(before) < PRECEDING else before[-PRECEDING:]
        # Defect 4: capitals pass the list of lower-case stopwords.
        stopped = (word if 4 in self.bugs else word.lower()) in STOPWORDS
        return not stopped and word.lower() != blank.noun.lower() and word not in preceding

    def _encode(self, blank: Blank) -> tuple[list[int], int]:
        tokenizer, mask = self.model.tokenizer, self.model.tokenizer.mask_token
        pieces, last = [], 0
        for place in (*blank.open_masks, blank.place):
            pieces += [blank.text[last:place], f"{mask} "]
            last = place
        ids = list(tokenizer("".join([*pieces, blank.text[last:]]), truncation=True).input_ids)
        masks = [place for place, token in enumerate(ids) if token == tokenizer.mask_token_id]
        if len(masks) != len(blank.open_masks) + 1:
            raise ValueError(f"the slot lies beyond what the masked language model reads: {blank.text!r}")
        if 1 in self.bugs and tokenizer.unk_token_id is not None:
            # Defect 1: the tokens around the text are unknown to the model's vocabulary.
            ends = {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id} - {None}
            ids = [tokenizer.unk_token_id if token in ends else token for token in ids]
        return ids, masks[-1]

    @cached_property
    def _names(self) -> dict[int, str]:
        """Tokens by id: whole words, and with defect 3 pieces of words as well."""
        words = dict(self.model.words)
        if 3 not in self.bugs:
            return words
        tokenizer = self.model.tokenizer
        rest = {index: token for token, index in tokenizer.get_vocab().items() if index not in words and index not in set(tokenizer.all_special_ids)}
        return {**words, **{index: f"##{token.removeprefix('##')}" for index, token in rest.items() if token.removeprefix("##").isalpha()}}

    @cached_property
    def _tokens(self) -> list[int]:
        return sorted(self._names)
