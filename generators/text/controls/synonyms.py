"""Synonyms by a small table of the commonest words of captions; lexical databases have to be downloaded."""

from __future__ import annotations

import warnings
from functools import lru_cache

from editmill.generators.text.language.lemmas import singular

# Between semicolons stand words that replace one another in a caption.
NOUNS = """
picture photo image; mug cup; ball sphere; cube block; bottle flask; cylinder tube; ring hoop; floor ground; cloth fabric; lawn grassland;
plank board; slab plate; sky heavens; wall barrier; object item; surface top; background backdrop; man guy; woman lady; boy lad; girl lass;
child kid youngster; person individual; baby infant; toddler tot; player athlete; group bunch; crowd throng; pair couple; street road;
sidewalk pavement; path trail; field meadow; hill slope; mountain peak; beach shore; ocean sea; forest woodland; rock stone; branch bough;
flower blossom; tree sapling; grass turf; car automobile; bike bicycle; motorcycle motorbike; truck lorry; bus coach; plane airplane aircraft;
boat vessel; train locomotive; dog hound; cat feline; horse steed; bird fowl; sofa couch; tv television; fridge refrigerator; stove cooker;
oven cooker; cabinet cupboard; counter countertop; sink basin; toilet lavatory; bathroom restroom washroom; tub bathtub; rug carpet;
curtain drape; pillow cushion; lamp light; bench seat; desk table; bag sack; purse handbag; suitcase trunk; backpack rucksack; umbrella parasol;
hat cap; jacket coat; shirt top; sneaker trainer; phone telephone; computer pc; laptop notebook; dish plate; glass tumbler; bread loaf;
donut doughnut; cookie biscuit; vegetable veggie; meal feast; cake gateau; slice piece; sign placard; building structure; house home;
store shop; room chamber; fence railing; trash garbage; toy plaything; game match; racket racquet; area region; center middle; view vista
"""
VERBS = """
hold grasp; carry bear; sit perch; look gaze; watch observe; walk stroll; run sprint; jump leap; eat devour; rest repose; lie recline;
show display; see notice; make create; cut slice; cook prepare; smile grin; throw toss; catch grab; hit strike; fly soar; talk chat; laugh chuckle;
gather assemble; surround encircle; place put; use utilize; pull drag; push shove; climb ascend; begin start; finish end; cross traverse;
stack pile; hang dangle; ride mount; wear don; stand rise; lean tilt; swing sway; travel journey; fill pack; feed nourish
"""
ADJECTIVES = """
small little tiny; large big huge; red crimson; purple violet; azure cerulean; pink rosy; gray grey; ivory cream; yellow amber; orange tangerine;
green emerald; metal metallic; matte dull; wooden timber; plain simple; clear cloudless; old aged; young youthful; beautiful lovely; many numerous;
several multiple; empty vacant; dirty filthy; shiny glossy; tall high; happy cheerful; fast quick; wet soaked; busy bustling; colorful vibrant;
bright vivid; dark dim; delicious tasty; different diverse; nice pleasant; brown tan; checkered checked; striped stripy; round circular;
closed shut; broken damaged; clean spotless; cold chilly; modern contemporary; fancy elegant; cute adorable; professional pro; single lone
"""
ADVERBS = """
together jointly; also too; very extremely; nearby close; outside outdoors; inside indoors; slowly gradually; quickly rapidly
"""
Table = dict[str, tuple[str, ...]]


def _table(block: str) -> Table:
    table: dict[str, tuple[str, ...]] = {}
    for words in (tuple(entry.split()) for entry in block.split(";")):
        for word in words:
            table[word] = (*table.get(word, ()), *(other for other in words if other != word))
    return table


TABLES: dict[str, Table] = {"NN": _table(NOUNS), "VB": _table(VERBS), "JJ": _table(ADJECTIVES), "RB": _table(ADVERBS)}
PARTS = {"NN": "NOUN", "VB": "VERB", "JJ": "ADJ", "RB": "ADV"}
# Forms that are the entry itself.
BASES = frozenset({"NN", "NNP", "VB", "VBP", "JJ", "RB"})


@lru_cache(maxsize=8192)
def synonyms(word: str, tag: str) -> tuple[str, ...]:
    """Return synonyms of a word in its form and in lower case, in the order of the table.

    None where the table lacks it.

    Args:
        word: The word in any case.
        tag: Its Penn tag; a noun may also be an adjective ("a metal cube").
    """
    part = tag[:2]
    for table in (part, "JJ") if part == "NN" else (part,):
        found = TABLES.get(table, {}).get(_lemma(word.lower(), tag), ())
        if found:
            inflected = (other if tag in BASES or table != part else _inflection(other, tag) for other in found)
            return tuple(other for other in inflected if other and other != word.lower())
    return ()


def _lemma(word: str, tag: str) -> str:
    if tag in ("NNS", "NNPS"):
        return singular(word)
    if tag in BASES:
        return word
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lemminflect import getLemma  # type: ignore[import-untyped,unused-ignore]

        lemmas = getLemma(word, upos=PARTS.get(tag[:2], "NOUN"))
    return str(lemmas[0]) if lemmas else word


def _inflection(lemma: str, tag: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lemminflect import getInflection  # type: ignore[import-untyped,unused-ignore]

        forms = getInflection(lemma, tag="NNS" if tag == "NNPS" else tag)
    return str(forms[0]) if forms else ""
