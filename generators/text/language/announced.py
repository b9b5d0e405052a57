"""Which words of a caption tell of what is asked, is to come or is past: none of it is said to be there now."""

# ruff: noqa: SIM905 - lists of dozens of words read better as text.

from __future__ import annotations

from collections.abc import Iterator, Sequence

from editmill.generators.text.language.chunks import Chunk
from editmill.generators.text.language.closed_words import DETERMINERS
from editmill.generators.text.language.denying_words import BREAK, BREAKING, DEFINITE, SENTENCE_END
from editmill.generators.text.language.lemmas import verb_of
from editmill.generators.text.language.reading import Reading

# They open a request with or without an article after them: "add rings".
REQUESTS = frozenset("add put insert give let let's remove erase delete replace bring please kindly".split())
# They open one only before a determiner or a pronoun: no "place mats on a table", "show dogs".
REQUESTS_OF = frozenset(
    """
draw place paint make create generate include show get find build buy hang set use choose pick order move keep leave
change turn fill design write sketch cover render edit swap attach throw hide imagine picture visualize visualise
""".split()
)
BEFORE_REQUESTS = frozenset("now then just also and so next first finally ok okay could can you".split())
POLITE = frozenset("please kindly".split())
# "About to place a ring"; what is handled so must be there: "about to hit a ball".
INTENDING = frozenset(
    """
about going plan plans planned planning intend intends intended intending supposed expected meant scheduled promise promises promised yet try tries
trying tried ready prepare prepares preparing attempt attempts attempting asked told set waiting decides decided due
""".split()
)
HANDLING = frozenset(
    """
hit catch eat kick throw swing jump ride cut serve bite board cross land enter leave fly pull feed strike toss drink surf ski bat return blow pet
swallow lick push chase grab climb ski skate touch bowl pitch
""".split()
)
FUTURE = frozenset("will shall".split())
STAYING = frozenset("be lie stand sit hang appear come arrive exist follow rest go".split())
OTHER_TIMES = frozenset("yesterday tomorrow ago soon".split())
PERIODS = frozenset(
    """
week month year night time summer winter spring autumn fall season century decade morning evening
monday tuesday wednesday thursday friday saturday sunday
""".split()
)
# "A photo of a dog taken last week": only the picture is of another time.
PICTURED = frozenset("taken photographed shot captured pictured filmed".split())


def announced(reading: Reading, chunks: Sequence[Chunk]) -> set[int]:
    """Return the places of the words that a text says in a question or a request, of the future or of the past.

    Also what an empty thing is for or of ("the empty box of a ring"), and what anything is for, unless it is definite.
    """
    return _Announced(reading, chunks).marked


def sentence_end(reading: Reading, place: int) -> int:
    """Return where the sentence of the word at ``place`` ends."""
    ends = (here for here in range(place + 1, len(reading.words)) if SENTENCE_END.search(reading.gaps[here]))
    return next(ends, len(reading.words))


class _Announced:
    def __init__(self, reading: Reading, chunks: Sequence[Chunk]) -> None:
        self.words, self.tags, self.gaps = reading.lowered, reading.tags, reading.gaps
        self.reading, self.chunks = reading, chunks
        self.marked = self._questions()
        for start, end in self._parts():
            self._read(start, end)
        for before, chunk in zip([None, *chunks], chunks, strict=False):
            if self._is_aim(before, chunk):
                self.marked |= set(range(chunk.start, chunk.end))

    def _parts(self) -> Iterator[tuple[int, int]]:
        """Yield the parts of the text between its breaks, "but" and the like."""
        start = 0
        for place in range(1, len(self.words) + 1):
            if place == len(self.words) or BREAK.search(self.gaps[place]) or self._turns(place):
                yield start, place
                start = place

    def _turns(self, place: int) -> bool:
        return self.words[place] in BREAKING and self.words[place : place + 2] != ["yet", "to"]

    def _read(self, start: int, end: int) -> None:
        if POLITE & set(self.words[start:end]) or any(self._is_other_time(place) for place in range(start, end)):
            self._mark(start, end)
        for place in range(start, end):
            if self._requests(place, start):
                self._mark(place, sentence_end(self.reading, place))
            elif self._intends(place):
                self._mark(place, self._comma(place, end))
            elif self.tags[place] == "MD" and self.words[place] in FUTURE:
                stays = bool(STAYING & set(self.words[place + 1 : place + 4]))
                self._mark(start if stays else self._subject(place, start), self._comma(place, end))

    def _mark(self, start: int, end: int) -> None:
        self.marked |= set(range(start, end))

    def _requests(self, place: int, start: int) -> bool:
        """Return whether a request begins at ``place``: where a part, or after its comma a clause, begins."""
        opens = place == start or "," in self.gaps[place]
        opens = opens or set(self.words[start:place]) <= BEFORE_REQUESTS
        if not opens or self.words[place : place + 2] == ["set", "of"]:
            return False
        following = self.tags[place + 1] if place + 1 < len(self.tags) else ""
        if self.words[place] in REQUESTS:
            return place == start or following in DETERMINERS | {"PRP", "EX"} or self.words[place - 1] != "to"
        return self.words[place] in REQUESTS_OF and following in DETERMINERS | {"PRP", "EX"}

    def _intends(self, place: int) -> bool:
        """Return whether "about to", "was supposed to" or the like begins, with a verb for what is not there yet."""
        if self.words[place] not in INTENDING or self.words[place + 1 : place + 2] != ["to"]:
            return False
        following = self.words[place + 2 : place + 3]
        return bool(following) and self.tags[place + 2] not in DETERMINERS and verb_of(following[0]) not in HANDLING

    def _is_other_time(self, place: int) -> bool:
        pair = self.words[place : place + 2]
        other = self.words[place] in OTHER_TIMES
        other = other or (pair[0] in ("last", "next") and pair[1:] != [] and pair[1] in PERIODS)
        return other and not PICTURED & set(self.words[max(0, place - 4) : place])

    def _subject(self, place: int, start: int) -> int:
        """Return where the subject of "will" begins; ``place`` where it is definite, and so there already."""
        before = [chunk for chunk in self.chunks if start <= chunk.start and chunk.end <= place]
        if not before:
            return place
        first = before[0]
        definite = first.determiner >= 0 and self.words[first.determiner] in DEFINITE
        return place if definite else first.start

    def _comma(self, place: int, end: int) -> int:
        return next((here for here in range(place + 1, end) if "," in self.gaps[here]), end)

    def _questions(self) -> set[int]:
        """Return the words of sentences that end with a question mark."""
        text, ends = self.reading.text, [word.end for word in self.reading.words]
        gaps = [*self.gaps[1:], text[ends[-1] :] if ends else ""]
        asked, asking = set[int](), False
        for place in reversed(range(len(gaps))):
            if end := SENTENCE_END.search(gaps[place]):
                asking = end.group() == "?" or gaps[place].lstrip("\"'”’)").startswith("?")
            asked |= {place} if asking else set()
        return asked

    def _is_aim(self, before: Chunk | None, chunk: Chunk) -> bool:
        """Return whether a phrase only says what another thing is for, or what an empty one is of."""
        word = self.words[chunk.start - 1] if chunk.start else ""
        emptied = (
            before is not None and before.end == chunk.start - 1 and "empty" in self.words[before.start : before.end]
        )
        if word in ("of", "for") and emptied:
            return True
        return word == "for" and not (chunk.determiner >= 0 and self.words[chunk.determiner] in DEFINITE)
