"""Words that fit a slot of a text, and how probable a text is, by a masked language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import in_micro_batches
from editmill.generators.models.preprocessing import load_tokenizer
from editmill.generators.models.token_batches import batches, pad_sequences
from editmill.manifests.arrays import Feature
from editmill.manifests.errors import ModelError
from editmill.manifests.stages import stage

# How a slot is written where a text of ours has one; in a caption the same signs are text as any other.
SLOT = "[MASK]"
# How vocabularies mark a token that begins a word: byte-level (RoBERTa, ModernBERT), SentencePiece.
WORD_STARTS = ("Ġ", "▁")


@dataclass(frozen=True)
class Slotted:
    """A text whose characters [start, end) stand for the slot."""

    text: str
    start: int
    end: int


def at_slot(text: str) -> Slotted:
    """Return a text of ours with its one ``SLOT``.

    Raises:
        ValueError: It has none or several.
    """
    if text.count(SLOT) != 1:
        raise ValueError(f"the text {text!r} has {text.count(SLOT)} slots {SLOT}, not one")
    start = text.index(SLOT)
    return Slotted(text, start, start + len(SLOT))


class MaskedLm:
    """The role ``masked_lm``: RoBERTa, ModernBERT or BERT.

    Results of a text do not depend on the texts beside it.
    """

    def __init__(self, models: Models, *, role: str = "masked_lm") -> None:
        self.model: Any = models.get(role)
        self.device = models.device
        self.tokenizer = load_tokenizer(models, role)
        if self.tokenizer.mask_token is None:
            raise ModelError(
                f"the tokenizer of {role!r} has no mask token",
                where=str(models.folder(role)),
                fix="use a masked language model",
            )

    @cached_property
    def words(self) -> dict[int, str]:
        """The whole words of the vocabulary by token id: letters and hyphens only, with the mark of a word's beginning
        where there is one.

        Longer words start with some of them, which no vocabulary tells apart.
        """
        special = set(self.tokenizer.all_special_ids)
        tokens = {index: token for token, index in self.tokenizer.get_vocab().items() if index not in special}
        mark = next((mark for mark in WORD_STARTS if any(token.startswith(mark) for token in tokens.values())), "")
        # BERT marks the pieces that go on instead, so its mark is empty and every token starts with it.
        starts = {
            index: token for index, token in tokens.items() if token.startswith(mark) and not token.startswith("##")
        }
        words = {index: self.tokenizer.convert_tokens_to_string([token]).strip() for index, token in starts.items()}
        return {index: word for index, word in words.items() if word.replace("-", "").isalpha()}

    def word_probabilities(self, texts: Sequence[Slotted], *, top: int = 50) -> list[list[tuple[str, float]]]:
        """Return, for each text, the ``top`` words for its slot with their probability, best first.

        Equal ones in the order of the vocabulary.

        Words of several tokens are left out; ``word_log_probabilities`` scores those.

        Args:
            texts: Texts with their slots.
            top: How many words to return.

        Raises:
            ValueError: A slot lies beyond the model's length.
        """
        sequences = [self._encode_slot(text) for text in texts]
        slots = [sequence.index(self.tokenizer.mask_token_id) for sequence in sequences]
        ranked = self.token_probabilities(sequences, slots, sorted(self.words), top=top)
        return [[(self.words[token], probability) for token, probability in one] for one in ranked]

    def token_probabilities(
        self, sequences: list[list[int]], places: list[int], among: list[int], *, top: int = 50
    ) -> list[list[tuple[int, float]]]:
        """Return, for each sequence of token ids, the ``top`` of the tokens ``among`` for one place, best first.

        Equal ones in the order given.
        """
        candidates = torch.tensor(among, device=self.device)
        ranked: list[list[tuple[int, float]]] = [[] for _ in sequences]
        for positions, rows in self._log_probabilities(sequences, places):
            chosen, order = rows[:, candidates].exp().sort(dim=1, descending=True, stable=True)
            for position, probabilities, ids in zip(
                positions, chosen[:, :top].tolist(), order[:, :top].tolist(), strict=True
            ):
                ranked[position] = [
                    (among[place], probability) for place, probability in zip(ids, probabilities, strict=True)
                ]
        return ranked

    def word_log_probabilities(self, texts: Sequence[Slotted], words: tuple[str, ...]) -> Feature:
        """Return the log-probability of each of ``words`` in the slot of each text: float32 [texts, words].

        A word of several tokens gets as many masks, which are filled from the left; its score is the sum over its
        tokens, so long words compare with short ones as a whole.

        Raises:
            ValueError: A slot lies beyond the model's length.
        """
        pieces = [self._pieces(word) for word in words]
        encoded = [self._encode_slot(text) for text in texts]
        scores = np.zeros((len(texts), len(words)), np.float32)
        for filled in range(max(map(len, pieces), default=0)):
            # Words that need as many masks and begin alike share one question: all words of one token do.
            questions: dict[tuple[tuple[int, ...], int], list[tuple[int, int]]] = {}
            for row, ids in enumerate(encoded):
                for column in (column for column, tokens in enumerate(pieces) if len(tokens) > filled):
                    questions.setdefault(self._fill(ids, pieces[column], filled), []).append((row, column))
            asked = list(questions.values())
            answers = torch.tensor(
                [(tokens[filled] if len(tokens) > filled else 0) for tokens in pieces], device=self.device
            )
            for positions, rows in self._log_probabilities(
                [list(ids) for ids, _ in questions], [place for _, place in questions]
            ):
                for position, values in zip(positions, rows[:, answers].cpu().numpy(), strict=True):
                    for row, column in asked[position]:
                        scores[row, column] += values[column]
        return scores

    def pseudo_log_likelihood(self, texts: list[str]) -> tuple[Feature, Feature]:
        """Return the sum of each token's log-probability with that token alone masked (Salazar et al., arXiv
        1910.14659), and the number of tokens.

        Returns:
            Float32 [texts] and int64 [texts]; start and end tokens don't count. Texts beyond the model's length are
            cut.
        """
        encoded = [self._encode(text) for text in texts]
        # An unknown word is a word of the text, though its token is a special one.
        special = {*self.tokenizer.all_special_ids} - {self.tokenizer.unk_token_id}
        hidden = [
            (row, place) for row, ids in enumerate(encoded) for place, token in enumerate(ids) if token not in special
        ]
        sequences = [
            [*encoded[row][:place], self.tokenizer.mask_token_id, *encoded[row][place + 1 :]] for row, place in hidden
        ]
        totals, counts = np.zeros(len(texts), np.float32), np.zeros(len(texts), np.int64)
        for positions, rows in self._log_probabilities(sequences, [place for _, place in hidden]):
            answers = [encoded[row][place] for row, place in (hidden[position] for position in positions)]
            owners = [hidden[position][0] for position in positions]
            # Several tokens of a text may be in one batch, of which += would count one only.
            np.add.at(totals, owners, rows[torch.arange(len(answers)), answers].cpu().numpy())
            np.add.at(counts, owners, 1)
        return totals, counts

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer(text, truncation=True).input_ids

    def encode_masked(self, parts: Sequence[str]) -> list[int]:
        """Return the token ids of a text with a mask between each two of its parts; no other token is a mask.

        A text beyond the model's length is cut, with its masks.
        """
        text = self.tokenizer.mask_token.join(map(self._broken, parts))
        # Special tokens of the text are broken; those left are ours.
        return list(self.tokenizer(text, truncation=True, split_special_tokens=False).input_ids)

    def _broken(self, text: str) -> str:
        """Return a text whose signs for special tokens are read as plain text."""
        for sign in self.tokenizer.all_special_tokens:
            if len(sign) > 1:
                text = text.replace(sign, f"{sign[0]} {sign[1:]}")
        return text

    def _encode_slot(self, slot: Slotted) -> list[int]:
        ids = self.encode_masked((slot.text[: slot.start], slot.text[slot.end :]))
        if self.tokenizer.mask_token_id not in ids:
            most = self.tokenizer.model_max_length
            raise ValueError(f"the slot lies beyond the {most} tokens that the model reads: {slot.text[:80]!r}")
        return ids

    def _pieces(self, word: str) -> list[int]:
        # After a blank, as within a text: many vocabularies have another token for a text's first word.
        return self.tokenizer(f" {word}", add_special_tokens=False).input_ids

    def _fill(self, ids: list[int], pieces: list[int], filled: int) -> tuple[tuple[int, ...], int]:
        """Return the tokens with a mask per piece, the first ``filled`` of them filled, and the place of the first mask
        left.
        """
        mask = self.tokenizer.mask_token_id
        place = ids.index(mask)
        return (*ids[:place], *pieces[:filled], *[mask] * (len(pieces) - filled), *ids[place + 1 :]), place + filled

    @stage("networks")
    @torch.inference_mode()
    def _log_probabilities(
        self, sequences: list[list[int]], places: list[int]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield log-probabilities at one place of each sequence, batch by batch: positions of the sequences, and
        float32 [batch, vocabulary].
        """
        for length, positions in batches([len(sequence) for sequence in sequences], self.model.config.vocab_size):

            def run(some: Sequence[int], length: int = length) -> list[torch.Tensor]:
                ids, attention = pad_sequences([sequences[one] for one in some], length, self.tokenizer.pad_token_id)
                logits = self.model(input_ids=ids.to(self.device), attention_mask=attention.to(self.device)).logits
                chosen = logits[torch.arange(len(some)), [places[one] for one in some]]
                return list(chosen.float().log_softmax(dim=-1))

            yield positions, torch.stack(in_micro_batches(positions, len(positions), run))
