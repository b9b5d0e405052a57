"""How probable captions are to a masked language model, remembered by text."""

from __future__ import annotations

from editmill.generators.models.masked_lm import MaskedLm, Slotted

CAPACITY = 50_000


class Fluency:
    """Pseudo-log-likelihoods per token, and log-probabilities of inserted words after "a" and "an"."""

    def __init__(self, model: MaskedLm) -> None:
        self.model = model
        self._known: dict[str, float] = {}

    def per_token(self, texts: list[str]) -> list[float]:
        """Return the pseudo-log-likelihood per token in nats, at most 0; 0 for a text without tokens."""
        if len(self._known) > CAPACITY:
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            totals, counts = self.model.pseudo_log_likelihood(new)
            self._known.update(
                {
                    text: float(total) / max(int(count), 1)
                    for text, total, count in zip(new, totals, counts, strict=True)
                }
            )
        return [self._known[text] for text in texts]

    def word_scores(self, asked: list[tuple[str, int, int]]) -> list[float]:
        """Return the log-probability of the word at [start, end) of each text, in nats; pieces of longer words are
        filled
        from the left.
        """
        by_word: dict[str, list[int]] = {}
        for position, (text, start, end) in enumerate(asked):
            by_word.setdefault(text[start:end], []).append(position)
        scores = [0.0] * len(asked)
        for word, positions in sorted(by_word.items()):
            slots = [Slotted(*asked[position]) for position in positions]
            for position, value in zip(
                positions, self.model.word_log_probabilities(slots, (word,))[:, 0].tolist(), strict=True
            ):
                scores[position] = float(value)
        return scores
