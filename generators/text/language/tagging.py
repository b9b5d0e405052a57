"""Parts of speech of captions in Penn's tags: dictionaries say what a word can be, its neighbours what it is."""

# ruff: noqa: SIM905 - lists of words read better as text.

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from editmill.generators.text.language.caption_words import (
    GERUND_COMPOUNDS,
    INVARIABLE,
    NOUN_COLOURS,
    NOUN_GERUNDS,
    NOUNISH_VERBS,
    PLURAL_MODIFIERS,
    SHADES,
    STANDS,
    VERBS,
)
from editmill.generators.text.language.closed_words import DETERMINERS, TAG_OF
from editmill.generators.text.language.lemmas import is_plural, singular, verb_of
from editmill.generators.text.language.lexicon import ADJECTIVE, ADVERB, NOUN, VERB, is_known, kinds, lemmas, usual_tag
from editmill.generators.text.language.persons import FIRST_NAMES, is_person
from editmill.generators.text.language.vocabulary import group_of

SINGULAR_DETERMINERS = frozenset({"a", "an", "this", "that", "each", "every", "one", "another", "another's"})
# What may follow a finite verb, but hardly a noun in the middle of a compound.
AFTER_VERBS = frozenset({"DT", "QN", "PRP$", "CD", "PRP", "IN", "TO", "RB", "WRB"})
OBJECTS = frozenset({"DT", "QN", "PRP$", "CD", "PRP"})
# Adjectives that are nouns at the end of a phrase.
PLACES = frozenset("top bottom front back side middle left right square round female male adult plain".split())


PENN_OF_AUXILIARY = {
    **dict.fromkeys(("are", "am", "have", "do", "aren't", "haven't", "don't"), "VBP"),
    **dict.fromkeys(("was", "were", "had", "did"), "VBD"),
    "be": "VB",
    "been": "VBN",
    "being": "VBG",
    "having": "VBG",
}


class State(Enum):
    """What stands before a word."""

    OPEN = auto()  # the beginning, a preposition, a conjunction or a verb: a noun phrase may begin
    NEED = auto()  # a determiner or an adjective: a noun has to come
    HAVE = auto()  # a noun
    POST = auto()  # a noun and an adverb or adjective after it
    AUXILIARY = auto()
    TO = auto()
    SUBJECT = auto()  # a pronoun or a modal verb: a verb has to come


_AFTER_CLOSED = {
    **dict.fromkeys(DETERMINERS, State.NEED),
    **dict.fromkeys(("IN", "CC", "WRB"), State.OPEN),
    "TO": State.TO,
    "AUX": State.AUXILIARY,
    **dict.fromkeys(("PRP", "WDT", "EX", "MD"), State.SUBJECT),
    "JJ": State.NEED,
}


def part_of_speech(words: Sequence[str]) -> tuple[str, ...]:
    """Return Penn's tags of the words of one text, as if blanks stood between them."""
    tagged = zip(words, tags_of(words, [" "] * len(words)), strict=True)
    return tuple(
        PENN_OF_AUXILIARY.get(word.lower(), "VBZ") if tag == "AUX" else "JJ" if tag == "QN" else tag
        for word, tag in tagged
    )


def tags_of(words: Sequence[str], gaps: Sequence[str]) -> tuple[str, ...]:
    """Return tags of the words of one text: Penn's, but ``QN`` for quantifiers and ``AUX`` for auxiliaries.

    Args:
        words: The words as they are written.
        gaps: What stands before each of them.
    """
    return _Tagger(words, gaps).tags()


def title_cased(words: Sequence[str]) -> bool:
    """Return whether capitals say nothing of names in a text, as every longer word has one."""
    longer = [word for word in words if len(word) > 3]
    return len(longer) > 1 and words[0][0].isupper() and all(word[0].isupper() for word in longer)


class _Tagger:
    def __init__(self, words: Sequence[str], gaps: Sequence[str]) -> None:
        self.words, self.gaps, self.found = words, gaps, list[str]()
        self.plain = title_cased(words)
        self.lowered = [word.lower().replace("’", "'") for word in words]
        self.state, self.determiner = State.OPEN, ""

    def tags(self) -> tuple[str, ...]:
        for place in range(len(self.words)):
            self._cross_gap(place)
            tag = self._tag(place)
            self.found.append(tag)
            self.state = self._after(place, tag)
        return tuple(self.found)

    def _cross_gap(self, place: int) -> None:
        gap = self.gaps[place].strip("\"'“”‘’ \t\n")
        # A comma between adjectives does not end the phrase: "a clean, spacious room".
        if gap and not (gap == "," and self.state is State.NEED and self.found[-1] in ("JJ", "VBN")):
            self.state = State.OPEN

    def _after(self, place: int, tag: str) -> State:
        if tag in DETERMINERS and self.state is not State.NEED:
            self.determiner = self.lowered[place]
        elif tag not in DETERMINERS and self.state not in (State.NEED, State.HAVE):
            self.determiner = ""
        if tag in _AFTER_CLOSED and (tag != "JJ" or self.state not in (State.HAVE, State.POST)):
            return _AFTER_CLOSED[tag]
        if tag.startswith("NN"):
            return State.NEED if self._possessive(place) else State.HAVE
        if tag == "RB" or tag == "JJ":
            return State.POST if self.state in (State.HAVE, State.POST) else self.state
        return State.NEED if self.state is State.NEED and self._nominal(place + 1) else State.OPEN

    def _possessive(self, place: int) -> bool:
        plural = (
            self.lowered[place].endswith("s")
            and place + 1 < len(self.gaps)
            and self.gaps[place + 1][:2] in ("' ", "’ ")
        )
        return self.lowered[place].endswith("'s") or plural

    def _closed(self, place: int) -> str:
        """Return the tag of a word of a closed class, or ``""``."""
        word = self.lowered[place]
        tag = TAG_OF.get(word, "")
        if word[0].isdigit():
            # "19" is a number, "3d" and "19th" are adjectives.
            return "JJ" if any(letter.isalpha() for letter in word) else "CD"
        following = self.lowered[place + 1] if place + 1 < len(self.lowered) else ""
        # "Someone's riding" is short for "someone is", "someone's coat" is not.
        if tag == "PRP$" and word.endswith("'s") and following.endswith("ing"):
            return "AUX"
        if word == "only" and self.state is State.NEED:
            return "QN"
        if word in ("half", "full") and (self._is_past(following) or following in ("size", "length")):
            return "RB"
        # "A can", "a trash can": a noun, unless a verb follows.
        if word == "can" and self.state in (State.NEED, State.HAVE) and not self._verb_follows(place):
            return ""
        # After a noun it begins a clause.
        if word == "that" and self.state in (State.HAVE, State.POST):
            return "WDT"
        if word == "no" and place + 1 < len(self.lowered) and self.lowered[place + 1] == "one":
            return "PRP"
        # After a determiner they are nouns or adjectives: "the past", "a second dog".
        if word in ("past", "like", "down", "plus", "second") and self.state is State.NEED:
            return ""
        return tag

    def _verb_follows(self, place: int) -> bool:
        following = self.lowered[place + 1] if place + 1 < len(self.lowered) else ""
        return TAG_OF.get(following) in ("AUX", "RB", "PRP") or (
            bool(following) and NOUN not in kinds(following) and verb_of(following) == following
        )

    def _next_tag(self, place: int) -> str:
        """Return the closed tag of the next word, ``""`` for an open one, ``"."`` where nothing follows directly."""
        if place + 1 >= len(self.words) or self.gaps[place + 1].strip():
            return "."
        return TAG_OF.get(self.lowered[place + 1], "CD" if self.lowered[place + 1][0].isdigit() else "")

    def _nominal(self, place: int, listed: int = 5) -> bool:
        """Return whether the word at ``place`` can go on with a noun phrase that lacks its noun, after at most
        ``listed`` commas and conjunctions.
        """
        if place >= len(self.words) or not listed:
            return False
        gap, word = self.gaps[place].strip("\"'“”‘’ \t\n"), self.lowered[place]
        can_be = kinds(word)
        if gap:
            return gap == "," and ADJECTIVE in can_be and self._nominal(place + 1, listed - 1)
        if word in ("and", "or"):
            coordinated = place + 2 < len(self.words) and ADJECTIVE in kinds(self.lowered[place + 1])
            return coordinated and self._nominal(place + 2, listed - 1)
        if word in TAG_OF:
            return TAG_OF[word] == "JJ"
        return bool(can_be & {NOUN, ADJECTIVE}) or self._is_past(word) or (word.endswith("ing") and VERB in can_be)

    def _tag(self, place: int) -> str:
        closed = self._closed(place)
        if closed:
            return closed
        word = self.words[place]
        if word[0].isupper():
            named = self._name_tag(place)
            if named:
                return named
        if self._possessive(place):
            return "NNS" if is_plural(self.lowered[place].removesuffix("'s")) else "NN"
        lowered = self.lowered[place]
        if lowered in SHADES and place + 1 < len(self.words) and group_of(self.words[place + 1]) == "colour":
            return "RB"
        if lowered.endswith("ing") and (VERB in kinds(lowered) or lowered in NOUN_GERUNDS):
            return self._gerund_tag(place)
        if self._is_past(lowered) and (NOUN not in kinds(lowered) or usual_tag(lowered)[:1] == "V"):
            return self._past_tag(place)
        return self._open_tag(place)

    def _name_tag(self, place: int) -> str:
        """Return ``NNP`` for a name, ``NN`` for an acronym, ``""`` for a common word with a capital."""
        word, lowered = self.words[place], self.lowered[place]
        if lowered.endswith("'s"):
            word, lowered = word[:-2], lowered[:-2]
        # Capitals tell no acronyms where the whole text is in capitals.
        if word.isupper() and len(word) > 1 and not all(other.isupper() for other in self.words):
            return "NN"
        begins = place == 0 or self.gaps[place].strip(" \t\n\"'“”‘’")[-1:] in (".", "!", "?", ":")
        if word in FIRST_NAMES and not self.plain and self.state is not State.NEED:
            return "NNP"
        if is_person(singular(lowered), lowered) or "-" in word:
            return ""
        known = is_known(lowered) and not (usual_tag(word).startswith("NNP") and not lemmas(lowered))
        return "" if known or (self.plain and not begins) else "NNP"

    def _gerund_tag(self, place: int) -> str:
        word, following = self.lowered[place], self._next_tag(place)
        if usual_tag(word)[:1] == "J" and self.state is not State.HAVE and self._nominal(place + 1):
            return "JJ"
        if following in ("DT", "PRP$", "PRP") and not (self.state is State.NEED and word in NOUN_GERUNDS):
            return "VBG"
        if (
            word in GERUND_COMPOUNDS
            and place + 1 < len(self.words)
            and singular(self.lowered[place + 1]) in GERUND_COMPOUNDS[word]
        ):
            return "NN"
        if word in NOUN_GERUNDS:
            person = self.state is State.HAVE and self._person_before(place)
            return "VBG" if self.state in (State.AUXILIARY, State.SUBJECT) or person else "NN"
        if self.state is State.NEED:
            after_number = self.found[-1] in ("CD", "QN") or (
                self.found[-1] == "DT" and self.determiner not in ("a", "an", "the")
            )
            return "VBG" if self._nominal(place + 1) or after_number else "NN"
        return "VBG"

    def _is_past(self, word: str) -> bool:
        """Return whether a word can be a past form or a participle in -ed."""
        if VERB not in kinds(word) or word.endswith("ing"):
            return False
        return (
            # "Feed" and "need" only end like participles.
            (word.endswith("ed") and len(word) > 4)
            or (verb_of(word) != word and not word.endswith("s"))
            or word in ("cut", "lit", "set", "shut")
        )

    def _past_tag(self, place: int) -> str:
        word = self.lowered[place]
        if self.state in (State.HAVE, State.SUBJECT):
            return (
                "NN"
                if NOUN in kinds(word) and self._next_tag(place) == "IN" and self.lowered[place + 1] == "of"
                else "VBD"
            )
        return "JJ" if usual_tag(word).startswith("J") and self.state is not State.POST else "VBN"

    def _open_tag(self, place: int) -> str:
        word, state = self.lowered[place], self.state
        can_be = kinds(word)
        if can_be == {ADVERB}:
            return "RB"
        verb = self._verb_tag(word)
        if NOUN not in can_be and ADJECTIVE not in can_be and VERB in can_be:
            return verb if state is not State.NEED else "NN"
        if state is State.HAVE:
            return self._tag_after_noun(place)
        if VERB in can_be:
            wanted = state is State.SUBJECT or (state is State.POST and ADJECTIVE not in can_be)
            if (
                wanted
                or (state is State.TO and self._is_infinitive(place))
                or (state is State.OPEN and self._is_parallel(place))
            ):
                return verb
        return self._nominal_tag(place)

    def _nominal_tag(self, place: int) -> str:
        word = self.lowered[place]
        can_be, usual = kinds(word), usual_tag(word)
        noun = "NNS" if is_plural(word) else "NN"
        if ADJECTIVE not in can_be:
            return noun if NOUN in can_be else "RB"
        if NOUN not in can_be:
            return "JJ"
        if self._nominal(place + 1):
            attribute = word in PLACES or (group_of(word) == "colour" and word not in SHADES | NOUN_COLOURS)
            return noun if usual[:1] == "N" and not attribute else "JJ"
        if noun == "NNS" or word in PLACES or usual[:1] == "N":
            return noun
        # "An orange" is the fruit, "it is orange" the colour.
        return noun if word == "orange" and self.state is State.NEED and self.found[-1] in DETERMINERS else "JJ"

    def _tag_after_noun(self, place: int) -> str:
        word = self.lowered[place]
        can_be = kinds(word)
        if NOUN not in can_be:
            return "JJ" if ADJECTIVE in can_be else "RB"
        noun = "NNS" if is_plural(word) else "NN"
        if VERB in can_be and self._is_verb_after_noun(place):
            return self._verb_tag(word)
        if ADJECTIVE in can_be and usual_tag(word)[:1] == "J" and word not in PLACES:
            return "JJ"
        return noun

    def _is_verb_after_noun(self, place: int) -> bool:
        word, before, following = self.lowered[place], self.lowered[place - 1], self._next_tag(place)
        verb = verb_of(word)
        likely = verb in VERBS or usual_tag(word).startswith("VB")
        person = self._person_before(place)
        if verb == "stand" and before in STANDS:
            return False
        if word.endswith("s") and verb != word:
            # "a bird nests": no plural noun may follow "a".
            if following in OBJECTS or (self.determiner in SINGULAR_DETERMINERS and self.found[-1] != "NNS"):
                return True
            return likely and (verb not in NOUNISH_VERBS or (person and self.found[-1] != "NNS"))
        if self.found[-1] == "NNS" or before in INVARIABLE:
            return before not in PLURAL_MODIFIERS and (likely or following in AFTER_VERBS)
        if self.found[-1] == "NNP" and self.words[place - 1] in FIRST_NAMES:
            return likely
        if likely and following in AFTER_VERBS and self._subjects_joined():
            return True
        return person and likely and (following in OBJECTS or (following in AFTER_VERBS and verb not in NOUNISH_VERBS))

    def _subjects_joined(self) -> bool:
        """Return whether "and" joins the noun before to another that no verb has followed yet: "a dog and a cat
        rest".
        """
        place = len(self.found) - 1
        while place > 0 and (
            self.found[place][:2] in ("NN", "JJ", "RB")
            or self.found[place] in DETERMINERS
            or self.found[place] == "VBN"
        ):
            place -= 1
        return self.found[place] == "CC" and not {"VBZ", "VBP", "AUX", "MD"} & set(self.found)

    def _person_before(self, place: int) -> bool:
        before = singular(self.lowered[place - 1])
        return is_person(before, before) or self.found[-1] == "NNP"

    def _is_infinitive(self, place: int) -> bool:
        """Return whether a base form after "to" is a verb: "to prepare dinner", but not "next to white sinks"."""
        word = self.lowered[place]
        if place > 1 and self.lowered[place - 2] in ("next", "close", "adjacent", "leading", "attached", "connected"):
            return False
        return verb_of(word) == word and (NOUN not in kinds(word) or word in VERBS or usual_tag(word)[:1] == "V")

    def _is_parallel(self, place: int) -> bool:
        """Return whether a word after "and" is a verb as the one before: "sits on a bench and looks at dogs"."""
        word = self.lowered[place]
        if place < 2 or self.found[-1] != "CC" or verb_of(word) not in VERBS:
            return False
        if self.found[-2].startswith("VB") or self.found[-2] in ("RP", "RB"):
            return True
        finite = any(tag in ("VBZ", "VBP") for tag in self.found)
        return (
            finite
            and verb_of(word) not in NOUNISH_VERBS
            and self._next_tag(place) in AFTER_VERBS
            and (word.endswith("s") or "VBP" in self.found)
        )

    def _verb_tag(self, word: str) -> str:
        if word.endswith("s") and verb_of(word) != word:
            return "VBZ"
        if self.state in (State.TO, State.SUBJECT):
            return "VB"
        return "VBP" if verb_of(word) == word else "VBD"
