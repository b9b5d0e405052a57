"""Candidate words of the published algorithm: what the masked language model proposes, less what its scripts filter
out.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from editmill.generators.models.masked_lm import SLOT, WORD_STARTS, MaskedLm
from editmill.generators.text.xmai2023.defects import LegacyBug
from editmill.generators.text.xmai2023.stopwords import STOPWORDS

PRECEDING = 3


@dataclass(frozen=True)
class Blank:
    """A text with a mask before the word at ``place``, and the places of masks before it that are not filled yet
    (defect 2).
    """

    text: str
    place: int
    open_masks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A word with its probability among all tokens; ``piece`` for one that joins the word before it (defect 3)."""

    word: str
    probability: float
    piece: bool = False


class Proposing(Protocol):
    """What fills blanks. Proposals for a blank do not depend on the blanks beside it."""

    def propose(self, blanks: Sequence[Blank]) -> list[list[Proposal]]:
        """Return candidates for each blank, best first."""


@dataclass(frozen=True)
class Token:
    """A token of the vocabulary: its text without marks, whether it continues a word, and what it is compared by."""

    text: str
    piece: bool
    key: str


class Proposer:
    """The ``kept`` best of the ``top`` tokens for each blank."""

    def __init__(self, model: MaskedLm, *, top: int, kept: int, legacy_bugs: Collection[int] = ()) -> None:
        self.model, self.top, self.kept, self.bugs = model, top, kept, frozenset(legacy_bugs)

    def propose(self, blanks: Sequence[Blank]) -> list[list[Proposal]]:
        """Return candidates for each blank, best first; none where the slot lies beyond what the model reads."""
        encoded = [self._encode(blank) for blank in blanks]
        read = [position for position, one in enumerate(encoded) if one is not None]
        sequences = [one for one in encoded if one is not None]
        ranked = self.model.token_probabilities(
            [ids for ids, _ in sequences], [place for _, place in sequences], sorted(self._tokens), top=self.top
        )
        proposals: list[list[Proposal]] = [[] for _ in blanks]
        for position, (ids, place), tokens in zip(read, sequences, ranked, strict=True):
            beside = self._beside(ids, place)
            passing = [
                (self._tokens[token], probability) for token, probability in tokens if self._passes(token, beside)
            ]
            proposals[position] = [
                Proposal(token.text, probability, token.piece) for token, probability in passing[: self.kept]
            ]
        return proposals

    def _passes(self, token: int, beside: Collection[str]) -> bool:
        known = self._tokens[token]
        if token in self._special and not (
            token == self.model.tokenizer.mask_token_id and LegacyBug.OPEN_MASKS in self.bugs
        ):
            return False
        if token in self._stopped or known.key in beside or (known.piece and LegacyBug.FUSED_PIECES not in self.bugs):
            return False
        # Half a character is no word in any script.
        if not known.text or "\ufffd" in known.text:
            return False
        if LegacyBug.DETOKENISED in self.bugs:
            return True
        return known.text.lower() not in STOPWORDS and any(character.isalnum() for character in known.text)

    def _beside(self, ids: list[int], place: int) -> set[str]:
        """Return the noun's first token and the three tokens before the slot."""
        # Defect 5: a negative index counts from the end, so that the slice is empty near the start.
        first = place - PRECEDING if LegacyBug.SHORT_HISTORY in self.bugs else max(0, place - PRECEDING)
        return {self._tokens[token].key for token in (*ids[first:place], *ids[place + 1 : place + 2])}

    def _encode(self, blank: Blank) -> tuple[list[int], int] | None:
        """Return token ids with masks, and the place of the blank's own; None where it is cut off."""
        tokenizer, masks = self.model.tokenizer, (*blank.open_masks, blank.place)
        spans = zip((0, *masks), (*masks, len(blank.text)), strict=True)
        parts = [blank.text[start:end] for start, end in spans]
        ids = self.model.encode_masked([parts[0], *(f" {part}" for part in parts[1:])])
        places = [place for place, token in enumerate(ids) if token == tokenizer.mask_token_id]
        if len(places) < len(masks):
            return None
        if LegacyBug.UNKNOWN_ENDS in self.bugs and tokenizer.unk_token_id is not None:
            ends = {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id} - {
                None
            }
            ids = [tokenizer.unk_token_id if token in ends else token for token in ids]
        return ids, places[-1]

    @cached_property
    def _special(self) -> frozenset[int]:
        return frozenset(self.model.tokenizer.all_special_ids)

    @cached_property
    def _stopped(self) -> frozenset[int]:
        """Ids of the tokens of stopwords and signs, as the scripts make them.

        Pieces of longer stopwords are among them.
        """
        tokenizer = self.model.tokenizer
        spaced = tokenizer(
            [f" {word}" for word in (*sorted(STOPWORDS), *string.punctuation)], add_special_tokens=False
        ).input_ids
        vocabulary = tokenizer.get_vocab()
        return frozenset(token for tokens in spaced for token in tokens) | {
            vocabulary[sign] for sign in string.punctuation if sign in vocabulary
        }

    @cached_property
    def _tokens(self) -> dict[int, Token]:
        """The whole vocabulary by id; a mask is called ``SLOT``."""
        tokenizer = self.model.tokenizer
        vocabulary = {index: token for token, index in tokenizer.get_vocab().items()}
        ordinary = [token for index, token in vocabulary.items() if index not in self._special]
        mark = next((mark for mark in WORD_STARTS if any(token.startswith(mark) for token in ordinary)), "")
        tokens = {}
        for index, token in vocabulary.items():
            piece = not token.startswith(mark) if mark else token.startswith("##")
            text = tokenizer.convert_tokens_to_string([token]).strip() if mark else token.removeprefix("##")
            # A text's first word has no mark, but is the same word.
            tokens[index] = Token(text, piece, text if mark else token)
        tokens[tokenizer.mask_token_id] = Token(SLOT, False, SLOT)
        return tokens
