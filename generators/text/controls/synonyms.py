"""A small table of synonyms. Lexical databases have to be downloaded, so captions' commonest words stand here."""

from __future__ import annotations

# Between commas stand words that replace one another in a caption.
TABLE = """
small little tiny, large big huge, picture photo image, mug cup, ball sphere, cube block, bottle flask, cylinder tube, ring hoop,
surface top, floor ground, cloth fabric, lawn meadow, planks boards, slab plate, red crimson, purple violet, azure blue, pink rosy, green
emerald, metal metallic, matte dull, wooden timber, plain simple, clear cloudless, wall barrier, man guy, woman lady, boy lad, girl lass,
child kid, people persons, street road, car automobile, bike bicycle, plane airplane, sofa couch, tv television, fridge refrigerator, stove
cooker, rock stone, path trail, field pasture, ocean sea, boat vessel, dog hound, cat feline, horse steed, rug carpet, trash garbage,
bathroom washroom, shop store, near by, beside alongside, sitting seated, holding carrying, watching viewing, walking strolling, old aged,
beautiful lovely, many numerous, several various, empty vacant, dirty filthy, shiny glossy, tall high
"""
SETS: tuple[tuple[str, ...], ...] = tuple(tuple(words.split()) for words in TABLE.split(","))
SYNONYMS: dict[str, tuple[str, ...]] = {word: tuple(other for other in words if other != word) for words in SETS for word in words}
