"""What keeps an attribute from being set before a noun, beyond the noun itself."""

# ruff: noqa: SIM905 - lists of dozens of words read better as text.

from __future__ import annotations

from editmill.generators.text.language.chunks import Chunk
from editmill.generators.text.language.lemmas import singular
from editmill.generators.text.language.lexicon import ADJECTIVE, lemmas
from editmill.generators.text.language.person_words import COLLECTIVES, PEOPLE_ALONE
from editmill.generators.text.language.reading import Reading

UNIVERSAL = frozenset("every each all any both either most fewer less".split())
# Another object of the kind stands beside it, and what is said of the one would seem to hold for the other.
CONTRASTING = frozenset("another other only same different last first second third next more enough such".split())
# What a caption calls the picture itself.
VIEWS = frozenset("image view shot close-up closeup scene snapshot perspective footage angle".split())
PICTURES = VIEWS | frozenset("photo photograph picture pic selfie portrait".split())
DEPICTIONS = PICTURES | frozenset(
    """
painting drawing statue poster sculpture sketch cartoon mural figurine print logo reflection illustration sticker decal silhouette carving engraving
depiction graphic emblem shadow etching model replica rendering doodle icon symbol cutout mosaic collage tattoo banner shape outline stencil
""".split()
)
TAKING = frozenset("take takes taking took taken snap snaps snapping shoot shoots shooting".split())
DRAWN = frozenset(
    "printed drawn embroidered depicted pictured carved etched engraved sketched stenciled painted".split()
)
SEEMING = frozenset(
    tuple(pair.split())
    for pair in """
shaped like|looks like|look like|looking like|dressed as|dressed like|up as|up like|decorated as|decorated like|designed like|styled like
""".strip().split("|")
)
RESEMBLING = frozenset({"resemble", "resembles", "resembling"})
TELLING = frozenset("book magazine movie film story article show song poem sign".split())
# Parts, amounts, times and properties: no object is meant.
RELATIONAL = frozenset(
    """
front back top side middle edge end bottom corner part piece kind type variety set stack pile slice background foreground day night time way air use
bit lots lot center centre inside outside process size colour color finish left right rest half quarter section portion bunch amount sort style
distance direction morning evening afternoon daytime nighttime row mode attempt intent efficiency activity action motion fun repair construction
remodeling renovation need purpose focus length width height weight total number couple pair group lighting
diameter radius circumference perimeter thickness depth breadth volume dimension space point reflection absence presence
sunset sunrise dusk dawn shade bite sight
""".split()
)
# Of something else where "of" follows: "in the shape of a dog".
OUTLINES = frozenset("shape form outline silhouette mix mixture".split())
# Other nouns with this ending are states: "a bowl of birthday goodness".
CONCRETE_NESS = frozenset("harness wilderness witness".split())


def scope_of(reading: Reading, chunk: Chunk, lemma: str) -> str:
    """Return why nothing may be set before a noun that is there: "depicted", "quantified", "contrasted" or
    "relational"; "" where it may.
    """
    inside = set(reading.lowered[chunk.start : chunk.compound])
    earlier, before = _before(reading, chunk.start)
    if inside & UNIVERSAL or (before == "of" and earlier in ("all", "each", "any", "both", "most", "none")):
        return "quantified"
    if "few" in inside and "a" not in inside:
        return "quantified"
    if inside & CONTRASTING or any(_is_compared(reading.lowered[place]) for place in chunk.modifiers):
        return "contrasted"
    if _is_depicted(reading, chunk):
        return "depicted"
    return "relational" if _is_relational(reading, chunk, lemma) else ""


def inherited_scope(reading: Reading, chunk: Chunk, before: Chunk, scope: str) -> str:
    """Return the scope that a phrase takes over from the one before it: "without a dog or a cat", "a painting of a man
    riding a horse".
    """
    if scope not in ("negated", "depicted", "quantified"):
        return ""
    between = reading.lowered[before.end : chunk.start]
    gaps = {reading.gaps[place].strip() for place in range(before.end, chunk.start + 1)}
    if gaps - {"", ","}:
        return ""
    if between in (["or"], ["nor"]) or (scope == "negated" and between == ["of"]):
        return scope
    if scope == "depicted":
        return scope if between in ([], ["and"]) or (len(between) == 1 and reading.tags[before.end] == "VBG") else ""
    listed = between == ["and"] or (not between and "," in gaps)
    if chunk.determiner < chunk.start:
        return scope if listed else ""
    goes_on = between or (chunk.end < len(reading.words) and reading.lowered[chunk.end] in ("and", "or", "nor"))
    return scope if listed and goes_on and reading.lowered[before.start - 1] == "without" else ""


def _before(reading: Reading, start: int) -> tuple[str, str]:
    """Return the two words before a phrase, "" where something other than blanks stands between."""
    first = reading.lowered[start - 1] if start > 0 and reading.joined(start) else ""
    second = reading.lowered[start - 2] if first and start > 1 and reading.joined(start - 1) else ""
    return second, first


def _is_compared(word: str) -> bool:
    """Return whether an adjective is a comparative or a superlative."""
    bases = lemmas(word).get(ADJECTIVE, ())
    # "Clever" only ends like a comparative: it is its own base form.
    return word.endswith(("er", "est")) and bool(bases) and word not in bases


def _is_depicted(reading: Reading, chunk: Chunk) -> bool:
    earlier, before = _before(reading, chunk.start)
    if (earlier, before) in SEEMING or before in RESEMBLING:
        return True
    if before == "about" and singular(earlier) in TELLING:
        return True
    if before == "of" and singular(earlier) in DEPICTIONS:
        depiction = chunk.start - 2
        if not _names_picture(reading, depiction) and not _is_taken(reading, depiction):
            return True
    if chunk.end < len(reading.words) and reading.joined(chunk.end) and reading.lowered[chunk.end] in DRAWN:
        after = reading.lowered[chunk.end + 1] if chunk.end + 1 < len(reading.words) else ""
        # "A bench painted red" is a bench, "a bench painted on a wall" is none.
        return reading.lowered[chunk.end] != "painted" or after in ("on", "onto")
    return _is_quoted(reading, chunk)


def _is_taken(reading: Reading, place: int) -> bool:
    """Return whether a picture is just being taken: "taking a picture of a dog" shows a real dog."""
    return bool(TAKING & set(reading.lowered[max(0, place - 3) : place]))


def _names_picture(reading: Reading, place: int) -> bool:
    """Return whether the noun at ``place`` is the caption's own word for the picture: nothing but its phrase or "this
    is" stands before it.
    """
    # "Up" of "a close up view" is no preposition.
    before = [
        tag
        for position, tag in enumerate(reading.tags[:place])
        if reading.lowered[max(0, position - 1) : position + 1] != ["close", "up"]
    ]
    clean = all(not gap.strip("\"'“”‘’ \t\n,") for gap in reading.gaps[1 : place + 1])
    return (
        singular(reading.lowered[place]) in PICTURES
        and clean
        and not {"IN", "TO", "VBZ", "VBP", "VBD", "VB", "NNP"} & set(before)
    )


def _is_quoted(reading: Reading, chunk: Chunk) -> bool:
    """Return whether the noun is quoted with more text around it: what a sign says."""
    text, start, end = reading.text, reading.words[chunk.compound].start, reading.words[chunk.end - 1].end
    for opening, closing in (('"', '"'), ("“", "”")):
        before, after = text[:start], text[end:]
        opened = before.count(opening) % 2 == 1 if opening == closing else before.count(opening) > before.count(closing)
        if (
            opened
            and closing in after
            and (before.split(opening)[0].strip() or after.split(closing, 1)[1].strip(" .\n"))
        ):
            return True
    return False


def _is_relational(reading: Reading, chunk: Chunk, lemma: str) -> bool:
    head = lemma.rpartition(" ")[2]
    if head in VIEWS or lemma == "close up":
        return True
    if head in PICTURES:
        return _names_picture(reading, chunk.end - 1) or _is_taken(reading, chunk.start)
    followed = chunk.end < len(reading.words) and reading.lowered[chunk.end] == "of"
    if (head in OUTLINES and followed) or (head.endswith("ness") and head not in CONCRETE_NESS):
        return True
    if head in COLLECTIVES and (followed or head in PEOPLE_ALONE):
        return True
    return head in RELATIONAL and chunk.end - chunk.compound == 1
