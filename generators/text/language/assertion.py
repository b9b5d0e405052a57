"""Which nouns a caption does not say to be there: under a negation, in a question, wished for, or gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from editmill.generators.text.language.announced import announced, sentence_end
from editmill.generators.text.language.caption_words import VERBS
from editmill.generators.text.language.chunks import Chunk
from editmill.generators.text.language.closed_words import DETERMINERS
from editmill.generators.text.language.denying_words import (
    APART,
    ASKING,
    AT_OTHER_TIMES,
    BE,
    BEFORE_NOUNS,
    BREAK,
    BREAKING,
    CANCELLING,
    DEFINITE,
    EMPTY,
    EXISTING,
    FILLERS,
    FINITE,
    GONE,
    GONE_PAIRS,
    LONGEST,
    LOOKING,
    NEGATIVES,
    NOBODY,
    PERHAPS,
    PLACING,
    POSED,
    REFUSING,
    RELATIVE,
    SEEING,
    SELDOM,
    SENTENCE_END,
    SHOWN,
    SPENT,
    SUPPOSING,
    SUPPOSING_PAIRS,
    THERE,
    UNREAL_MODALS,
    UNREAL_MODIFIERS,
    WANTING,
)
from editmill.generators.text.language.lemmas import verb_of
from editmill.generators.text.language.reading import Reading
from editmill.generators.text.language.tagging import AFTER_VERBS


def unasserted(reading: Reading, chunks: Sequence[Chunk]) -> frozenset[int]:
    """Return the positions of the noun phrases that a text does not say to be there.

    Only words of scope count, so "a man without a hat sits on a chair" says that there is a chair, and "nobody holds a
    cone" does not say that there is a cone. In doubt a noun counts as not there.
    """
    scopes = _Scopes(reading, chunks)
    return frozenset(number for number, chunk in enumerate(chunks) if scopes.covers(chunk))


class _Scopes:
    """Reads a text word by word and marks the words in the scope of what denies them."""

    def __init__(self, reading: Reading, chunks: Sequence[Chunk]) -> None:
        self.reading, self.chunks = reading, chunks
        self.words, self.tags = reading.lowered, reading.tags
        self.starting = {chunk.start: chunk for chunk in chunks}
        self.inside = {place: chunk for chunk in chunks for place in range(chunk.start, chunk.end)}
        self.marked = announced(reading, chunks)
        for place in range(len(self.words)):
            self._read(place)

    def covers(self, chunk: Chunk) -> bool:
        """Return whether a noun phrase is in a scope, or denied by what stands directly before it or in it."""
        own = self.words[chunk.start : chunk.compound]
        return chunk.end - 1 in self.marked or bool(UNREAL_MODIFIERS & set(own)) or self._denied_before(chunk)

    def _read(self, place: int) -> None:
        """Mark what the word at ``place`` denies."""
        if self._supposes(place):
            self._mark(place, sentence_end(self.reading, place))
        elif (word := self.words[place]) in PERHAPS or self._inverts(place) or (word in WANTING and self._asks(place)):
            self._mark(place, self._clause_end(place))
        elif word == "where" and AT_OTHER_TIMES & set(self.words[place : (end := self._clause_end(place))]):
            self._mark(place, end)
        elif word in UNREAL_MODALS and self.tags[place] == "MD":
            self._suppose(place)
        elif self._negates(place):
            end = self._clause_end(place, nested=self._is_nested(place))
            self._mark(place, end)
            if SEEING & set(self.words[place:end]) and self._is_unseen(place):
                self._mark_subject(place - 1)
        if self._takes_away(place):
            self._mark_subject(place)

    def _mark(self, start: int, end: int) -> None:
        self.marked |= set(range(start, end))

    def _pair(self, place: int) -> tuple[str, ...]:
        return tuple(self.words[place : place + 2])

    def _supposes(self, place: int) -> bool:
        """Return whether all that follows in the sentence is only thought of, or asked for."""
        if self.words[place] in SUPPOSING or self._pair(place) in SUPPOSING_PAIRS:
            if self.words[place] == "if" and LOOKING & set(self.words[place + 2 : place + 4]):
                return self._tag(place + 1) != "PRP"
            # Not in "no doubt", "without a doubt".
            return place == 0 or self.words[place - 1] not in ("no", "a", "any")
        start = place - 1 if place and self.tags[place - 1] in RELATIVE else place
        opens = start == 0 or SENTENCE_END.search(self.reading.gaps[start]) is not None
        subject = start < place or self._begins(place + 1) or self._tag(place + 1) in ("PRP", "EX")
        return opens and self.words[place] in ASKING and self.tags[place] in ("AUX", "MD") and subject

    def _inverts(self, place: int) -> bool:
        """Return whether a condition begins without "if": "were there a lamp"."""
        opens = place == 0 or self._breaks(place)
        return opens and self._pair(place) in (("were", "there"), ("had", "there"), ("should", "there"))

    def _asks(self, place: int) -> bool:
        """Return whether a word of wanting is a verb: not in "in need of", "the needs"."""
        free = place > 0 and self.tags[place - 1] not in DETERMINERS | {"IN"}
        return free and (place not in self.inside or self._begins(place + 1))

    def _suppose(self, place: int) -> None:
        """Mark the clause of "would", and its subject unless it is definite or the clause is a relative one."""
        nested = self._is_nested(place)
        self._mark(place, self._clause_end(place, nested=nested))
        start = place
        # "Where a clock should be" is no relative clause about its own subject.
        while not (nested and self.tags[start - 1] in RELATIVE) and start > 0 and not self._breaks(start):
            start -= 1
            chunk = self.inside.get(start)
            if chunk is None and self.tags[start] not in ("RB", "AUX", "MD", "IN"):
                return
            if chunk and not (chunk.determiner >= 0 and self.words[chunk.determiner] in DEFINITE):
                self.marked.add(start)

    def _negates(self, place: int) -> bool:
        """Return whether a word denies the clause that goes on after it."""
        word, after = self.words[place], self._skip_adverbs(place + 1)
        following = self.words[after] if after < len(self.words) else ""
        if word.endswith("n't") or word in NEGATIVES:
            return following not in CANCELLING and not self._is_emptied(place)
        if word in NOBODY or self._pair(place) == ("no", "one"):
            after = self._skip_adverbs(place + 1 + (word == "no"))
            alone = place > 0 and self.tags[place - 1] == "IN" and self.reading.joined(place)
            return not alone and not CANCELLING & set(self.words[after : after + 2])
        if word in REFUSING or self._pair(place) in (("no", "longer"), ("hardly", "anyone"), ("hardly", "anybody")):
            return word not in REFUSING or following == "to"
        if word in ("no", "neither", "few"):
            return self._is_denied_subject(place)
        if word == "not" and self._is_denied_subject(place):
            return True
        verbal = after < len(self.words) and self.tags[after][:2] == "VB"
        if word in SELDOM:
            return verbal or self._follows_auxiliary(place) or self._tag(place + 1) == "AUX"
        return (
            word == "not"
            and (verbal or self._follows_auxiliary(place))
            and not self._is_emptied(place)
            and (following not in CANCELLING)
        )

    def _is_emptied(self, place: int) -> bool:
        return place + 1 < len(self.words) and self.words[place + 1] in EMPTY

    def _is_denied_subject(self, place: int) -> bool:
        """Return whether "no dog, cat or bird" opens a clause and its verb follows."""
        chunk = self.starting.get(place if self.words[place] != "not" else place + 1)
        if chunk is None or (place > 0 and not self._breaks(place) and self.words[place - 1] not in ("and", "but")):
            return False
        end = chunk.end
        while (begin := self._after_conjunction(end)) in self.starting:
            end = self.starting[begin].end
        return self._tag(end) in FINITE and not BREAK.search(self.reading.gaps[end])

    def _after_conjunction(self, place: int) -> int:
        return place + 1 if place < len(self.words) and self.words[place] in ("or", "nor", "and") else place

    def _follows_auxiliary(self, place: int) -> bool:
        before = place - 1
        while before >= 0 and self.tags[before] == "RB" and self.reading.joined(before + 1):
            before -= 1
        return before >= 0 and (self.tags[before] in ("AUX", "MD") or self.words[before][-2:] in ("'s", "'m", "'re"))

    def _is_nested(self, place: int) -> bool:
        """Return whether the word stands in a relative clause, after which its sentence goes on: "who can't swim"."""
        before = place - 1
        while before >= 0 and self.reading.joined(before + 1) and self.tags[before] in ("RB", "AUX", "MD"):
            before -= 1
        if before < 0 or not self.reading.joined(before + 1):
            return before >= 0 and self.tags[before] in RELATIVE
        if self.tags[before] in RELATIVE:
            return True
        # "A bench nobody uses", "a dog not looking at a ball", "where cars may not park".
        direct = self.tags[before][:2] == "NN" and before == place - 1
        chunk = self.inside.get(before)
        asked = chunk is not None and chunk.start > 0 and self.tags[chunk.start - 1] == "WRB"
        return asked or (direct and (self.words[place] in {*NOBODY, "no"} or self._tag(place + 1) == "VBG"))

    def _is_unseen(self, place: int) -> bool:
        """Return whether the denied clause is about what stands before it: "that nobody can see", "you can't find"."""
        subject = place if self.tags[place] == "PRP" else place - 1
        return subject > 1 and self.tags[subject] == "PRP" and self.tags[subject - 1] == "WDT"

    def _clause_end(self, place: int, *, nested: bool = False) -> int:
        """Return where the clause of the word at ``place`` ends; a nested one ends before its sentence's verb."""
        own = self._skip_adverbs(place + 1 + (self._pair(place) in (("no", "one"), ("no", "longer"))))
        spare, said, resumed = 0, False, self._parenthesis_end(place, own)
        for here in range(place + 1, len(self.words)):
            if here > resumed and self._breaks(here, said=said):
                return here
            said = said or self.tags[here][:2] in ("NN", "VB", "JJ")
            spare += self.tags[here] in RELATIVE
            if nested and here > own and self._is_finite(here, own):
                if not spare:
                    return here
                spare -= 1
        return len(self.words)

    def _parenthesis_end(self, place: int, own: int) -> int:
        """Return where a clause goes on after words set apart right behind its denial: "isn't, it seems, a dog".

        Those may also stand behind its verb ("does not show, on its lawn, a dog"); ``place`` where there are none.
        """
        starts = [
            here for here in range(place + 1, min(own + 2, len(self.words))) if APART.search(self.reading.gaps[here])
        ]
        if not starts or SENTENCE_END.search(self.reading.gaps[starts[0]]):
            return place
        for here in range(starts[0] + 1, len(self.words)):
            if SENTENCE_END.search(self.reading.gaps[here]):
                return place
            if APART.search(self.reading.gaps[here]):
                return place if self._opens_clause(here) or self.words[here] in BREAKING else here
        return place

    def _is_finite(self, place: int, own: int) -> bool:
        """Return whether the word is a verb that a subject has, other than one right after an auxiliary."""
        if self.tags[place] in FINITE:
            return not (place == own + 1 and self.tags[own] in ("AUX", "MD"))
        # Tagged as a noun, but no noun phrase begins right after "that isn't made", "who could be asleep".
        chunk = self.inside.get(place)
        bare = chunk is not None and chunk.determiner < 0 and chunk.end == place + 1 and place <= own + 2
        predicate = self.tags[place - 1][:2] in ("VB", "JJ")
        return bare and predicate and verb_of(self.words[place]) in VERBS and self._tag(place + 1) in AFTER_VERBS

    def _breaks(self, place: int, *, said: bool = True) -> bool:
        """Return whether a clause ends before the word at ``place``; a comma ends none of which nothing is said yet."""
        gap, word = self.reading.gaps[place], self.words[place]
        if BREAK.search(gap) or word in BREAKING or self._is_quote(place):
            return True
        if word == "and" and self._opens_clause(place + 1):
            return True
        return "," in gap and said and not self._is_list(place)

    def _is_quote(self, place: int) -> bool:
        gap = self.reading.gaps[place]
        return any(quote in gap for quote in "'‘’") and not self.reading.is_possessor(place - 1)

    def _opens_clause(self, place: int) -> bool:
        """Return whether a subject and its verb begin at ``place``."""
        chunk = self.starting.get(place)
        end = chunk.end if chunk else place + 1
        # "A bike stands": no plural noun follows "a".
        single = chunk and chunk.determiner >= 0 and self.words[chunk.determiner] in ("a", "an")
        if chunk and single and self.tags[end - 1] == "NNS" and end - chunk.compound > 1:
            return True
        return (chunk is not None or self._tag(place) in ("PRP", "EX")) and self._tag(end) in FINITE

    def _is_list(self, place: int) -> bool:
        """Return whether a noun phrase after a comma goes on with a list that "or" or "and" ends."""
        here = place
        while True:
            joins = self.words[here] in ("or", "nor", "and")
            chunk = self.starting.get(here + joins)
            if chunk is None or self._opens_clause(here + joins):
                return False
            if joins or chunk.end >= len(self.words):
                return joins
            if self.words[chunk.end] not in ("or", "nor", "and") and self.reading.gaps[chunk.end].strip() != ",":
                return False
            here = chunk.end

    def _denied_before(self, chunk: Chunk) -> bool:
        """Return whether "without", "instead of" or the like stands before a noun phrase, or "no" in it."""
        if {"no", "not", "neither", "zero"} & set(self.words[chunk.start : chunk.compound]):
            return True
        if chunk.determiner < 0 and self._follows(SPENT, chunk.start):
            return True
        end = self._back_over(chunk.start, FILLERS)
        if self._follows({("than",)}, end) and chunk.determiner >= 0 and self.tags[chunk.determiner] == "CD":
            return False
        ends = {chunk.start, end, self._back_over_verb(end)}
        return any(self._follows(BEFORE_NOUNS, place) for place in ends)

    def _follows(self, phrases: Iterable[tuple[str, ...]], end: int) -> bool:
        runs = (length for length in range(1, LONGEST + 1) if end >= length)
        joined = (length for length in runs if self.reading.all_joined(end - length, end))
        return any(tuple(self.words[end - length : end]) in phrases for length in joined)

    def _back_over(self, place: int, words: frozenset[str]) -> int:
        while place > 0 and self.reading.joined(place) and self.words[place - 1] in words:
            place -= 1
        return place

    def _back_over_verb(self, place: int) -> int:
        """Return the place before "wearing" or "sitting on", where one stands before ``place``."""
        before = place - 1 if place > 1 and self.tags[place - 1] == "IN" and self.reading.joined(place) else place
        verb = before > 0 and self.tags[before - 1] in ("VBG", "VB") and self.reading.joined(before)
        return before - 1 if verb else place

    def _takes_away(self, place: int) -> bool:
        """Return whether the words at ``place`` say of what stands before them that it is not there."""
        three = tuple(self.words[place : place + 3])
        predicate = place not in self.inside or self.words[place] == "nowhere"
        if predicate and (self.words[place] in GONE or three[:2] in GONE_PAIRS or three in GONE_PAIRS):
            return not self._begins(place + 1) and self._has_subject(place) and not self._is_undone(place)
        if three[:2] in (("supposed", "to"), ("yet", "to")):
            return True
        if three[:2] == ("used", "to") and three[2:] and three[2] in POSED:
            return not self._begins(place + 3) and self._tag(place + 3) not in ("JJ", "VBN")
        return self._denies_presence(place)

    def _is_undone(self, place: int) -> bool:
        """Return whether the word is denied itself: "is not gone", "has never vanished"."""
        before = self.words[max(0, place - 3) : place]
        return any(word in {"not", "never"} | NEGATIVES or word.endswith("n't") for word in before)

    def _has_subject(self, place: int) -> bool:
        before = place - 1
        while before >= 0 and self.tags[before] in ("RB", "AUX", "MD", "VBN", "WDT", "VB", "TO", "IN", "VBD"):
            before -= 1
        return before in self.inside

    def _denies_presence(self, place: int) -> bool:
        """Return whether "isn't there", "can't be seen", "does not exist" or "no longer stands" begins at ``place``."""
        word, longer = self.words[place], self._pair(place) == ("no", "longer")
        if not (word.endswith("n't") or word in NEGATIVES or word in ("not", "never") or longer):
            return False
        being = word in BE or (place > 0 and self.words[place - 1] in BE)
        after = max(place + 1 + longer, self._parenthesis_end(place, place))
        while after < len(self.words) and (self.words[after] in ("be", "been", "to") or self.tags[after] == "RB"):
            if self.words[after] in THERE:
                break
            being |= self.words[after] in ("be", "been")
            after += 1
        here = self.words[after : after + 3]
        elsewhere = bool(here) and self._is_elsewhere(place, after, being=being)
        present = bool(here) and (here[0] in THERE or (here[0] in ("in", "on") and bool(SHOWN & set(here[1:]))))
        made_out = here[:2] == ["made", "out"]
        standing = bool(here) and here[0] in (EXISTING if longer else EXISTING - {"stand", "stands", "show", "shows"})
        shown = (being or longer) and (present or made_out)
        return elsewhere or shown or (standing and not being and not self._begins(after + 1))

    def _is_elsewhere(self, place: int, after: int, *, being: bool) -> bool:
        """Return whether the subject is "not on the grass", "not lying there", or "not included" without a verb."""
        word = self.words[after]
        if self.words[place] == "not" and place - 1 in self.inside and word in THERE:
            return True
        placed = word in POSED and self._tag(after + 1) in ("IN", "RB")
        return not self._is_nested(place) and (placed or (being and word in PLACING))

    def _mark_subject(self, place: int) -> None:
        """Mark the noun phrases before the predicate at ``place``, back to a verb, a conjunction or a comma."""
        self._mark_head(place)
        here = place - 1
        while here >= 0 and here not in self.inside and not BREAK.search(self.reading.gaps[here + 1]):
            here -= 1
        while here >= 0 and (here in self.inside or self.tags[here] in ("IN", "VBN", "RB", "TO", "JJ")):
            self.marked.add(here)
            if BREAK.search(self.reading.gaps[here]) or "," in self.reading.gaps[here]:
                return
            here -= 1

    def _mark_head(self, place: int) -> None:
        """Mark the noun phrase whose relative clause ends before ``place``: "the cup that lay here is gone"."""
        verbs = 0
        for here in reversed(range(1, place)):
            if BREAK.search(self.reading.gaps[here + 1]):
                return
            verbs += self.tags[here] in FINITE
            if self.tags[here] in RELATIVE or self.words[here] == "that":
                if verbs > 1 and here - 1 in self.inside:
                    self.marked.add(here - 1)
                return

    def _begins(self, place: int) -> bool:
        """Return whether a noun phrase begins at ``place``, joined to the word before it."""
        return place in self.starting and self.reading.joined(place)

    def _tag(self, place: int) -> str:
        return self.tags[place] if place < len(self.tags) else ""

    def _skip_adverbs(self, place: int) -> int:
        while place < len(self.tags) and self.tags[place] == "RB":
            place += 1
        return place
