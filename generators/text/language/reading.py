"""A text's words with their tags, and what stands between them."""

from __future__ import annotations

from editmill.generators.text.language.closed_words import DETERMINERS
from editmill.generators.text.language.compounds import IDIOM_STARTS, IDIOMS, LONGEST_IDIOM, PARTICLE_MODIFIERS
from editmill.generators.text.language.lemmas import singular
from editmill.generators.text.language.spans import Word, words_of
from editmill.generators.text.language.tagging import tags_of, title_cased

QUOTES = "\"'“”‘’"


class Reading:
    """The words of one text.

    Attributes:
        text, words: The text and its words.
        gaps: What stands before each word.
        tags: The tag of each word.
        lowered: Each word in lower case, with a straight apostrophe.
        titled: Whether all words have capitals, so that capitals tell no names.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: tuple[Word, ...] = words_of(text)
        written = [word.text for word in self.words]
        ends = (0, *(word.end for word in self.words))
        self.gaps = [text[end : word.start] for end, word in zip(ends, self.words, strict=False)]
        self.tags = tags_of(written, self.gaps)
        self.titled = title_cased(written) or text.isupper()
        self.lowered = [word.lower().replace("’", "'") for word in written]

    def joined(self, place: int) -> bool:
        """Return whether a word stands before that at ``place``, with only blanks and quotes between them."""
        gap = self.gaps[place] if 0 < place < len(self.words) else ""
        return any(one.isspace() for one in gap) and not "".join(gap.split()).strip(QUOTES)

    def all_joined(self, start: int, end: int) -> bool:
        """Return whether the words from ``start`` to ``end`` exist and are joined to each other."""
        return end <= len(self.words) and all(self.joined(place) for place in range(start + 1, end))

    def is_possessor(self, place: int) -> bool:
        """Return whether a word is a possessive: "dog's", or "dogs" before an apostrophe."""
        word, following = self.lowered[place], self.gaps[place + 1] if place + 1 < len(self.words) else ""
        return word.endswith("'s") or (word.endswith("s") and following[:2] in ("' ", "’ "))

    def is_name(self, start: int, end: int) -> bool:
        """Return whether several words within a sentence have capitals that their text does not give to all ("Golden
        Gate Bridge").
        """
        words = [word.text for word in self.words[start:end]]
        return (
            end - start > 1
            # A text begins with a capital in any case.
            and start > 0
            and not self.titled
            and all(word[0].isupper() and not word.isupper() for word in words)
        )

    def idiom_at(self, place: int) -> int:
        """Return how many words of a fixed compound begin at ``place``; 0 for none."""
        if self.lowered[place] not in IDIOM_STARTS:
            return 0
        opens = place == 0 or self.tags[place - 1] in DETERMINERS | {"JJ", "IN"} or not self.joined(place)
        # The longest first: "ice cream cone" before "ice cream".
        for length in range(min(LONGEST_IDIOM, len(self.words) - place), 1, -1):
            words = self.lowered[place : place + length]
            # "to line up" is no compound.
            allowed = opens or words[-1] not in ("up", "in", "ups")
            if allowed and (*words[:-1], singular(words[-1])) in IDIOMS and self.all_joined(place, place + length):
                return length
        return 0

    def particle_at(self, place: int) -> bool:
        """Return whether "walk in" or the like begins at ``place`` and a noun that it modifies follows."""
        pair = tuple(self.lowered[place : place + 2])
        return (
            pair in PARTICLE_MODIFIERS
            and self.all_joined(place, place + 3)
            and singular(self.lowered[place + 2]) in PARTICLE_MODIFIERS[pair]
        )
