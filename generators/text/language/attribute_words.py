"""The words of visual attributes, by group."""

# ruff: noqa: SIM905 - lists of dozens of words read better as text.

from __future__ import annotations


def _lists(table: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(words.split()) for key, words in table.items()}


# What judges of images with an open vocabulary are asked about; within a group no two words mean the same, but for
# sizes, which boxes measure.
GROUPS: dict[str, tuple[str, ...]] = _lists(
    {
        "size": "small large tiny huge tall short long wide narrow thick thin",
        "state": "open closed empty full wet dirty clean broken folded parked sliced rusty lit",
        "shape": "round square rectangular triangular oval flat curved cylindrical pointed heart-shaped hexagonal",
        "colour": "red orange yellow green blue purple pink brown black white gray beige",
        "pattern": "striped checkered spotted floral plaid paisley camouflage zigzag tie-dyed quilted",
        "material": "wooden metal plastic glass leather stone brick ceramic paper concrete wicker rubber cardboard denim",
    }
)
SYNONYMS: dict[str, tuple[str, ...]] = _lists(
    {
        "small": "little mini miniature petite compact smallish",
        "tiny": "teeny minuscule wee",
        "large": "big sizable oversized spacious jumbo largish",
        "huge": "giant gigantic enormous massive immense colossal humongous vast",
        "tall": "towering high",
        "short": "low stubby squat",
        "long": "lengthy elongated",
        "wide": "broad",
        "thick": "chunky fat",
        "thin": "slim skinny slender",
        "open": "opened ajar",
        "closed": "shut",
        "empty": "vacant bare unoccupied",
        "full": "filled crowded packed",
        "wet": "soaked damp soggy moist",
        "dirty": "muddy dusty filthy grimy stained soiled",
        "clean": "spotless tidy cleaned",
        "broken": "cracked shattered damaged torn smashed",
        "rusty": "rusted",
        "sliced": "cut chopped halved",
        "lit": "glowing burning illuminated",
        "folded": "rolled",
        "round": "circular spherical rounded",
        "rectangular": "oblong",
        "oval": "elliptical egg-shaped",
        "flat": "level",
        "square": "squared boxy",
        "curved": "bent arched curvy",
        "cylindrical": "tubular",
        "pointed": "pointy conical sharp",
        "red": "crimson maroon scarlet burgundy ruby",
        "orange": "tangerine peach",
        "yellow": "gold golden blond blonde mustard",
        "green": "olive lime emerald mint",
        "blue": "azure navy turquoise teal aqua cyan indigo",
        "purple": "violet lavender lilac magenta mauve",
        "pink": "rose fuchsia salmon coral",
        "brown": "chestnut chocolate bronze copper rust",
        "black": "ebony jet-black",
        "white": "ivory snow-white off-white",
        "gray": "grey silver silvery charcoal",
        "beige": "tan cream cream-colored khaki taupe",
        "striped": "stripy stripey pinstriped",
        "checkered": "checked chequered checkerboard",
        "spotted": "dotted polka-dot polka-dotted speckled dappled",
        "floral": "flowered flowery",
        "plaid": "tartan",
        "camouflage": "camo",
        "zigzag": "chevron",
        "wooden": "wood oak pine bamboo plywood timber walnut mahogany teak",
        "metal": "metallic steel iron chrome stainless aluminum aluminium brass tin",
        "plastic": "vinyl",
        "glass": "crystal",
        "leather": "suede",
        "stone": "rock rocky marble granite slate cobblestone pebble",
        "ceramic": "porcelain china clay terracotta",
        "concrete": "cement",
        "wicker": "rattan straw",
        "denim": "jean",
        "cardboard": "carton",
        "brick": "bricked",
    }
)
# Known in captions, but asked of no model.
FURTHER: dict[str, tuple[str, ...]] = _lists(
    {
        "size": "medium medium-sized bigger biggest larger largest smaller smallest taller longer shorter full-size",
        "state": """old new dry snowy cooked raw unlit unopened worn faded unfolded half-eaten eaten half-empty half-full melted frozen cluttered messy
        unmade baked fried grilled bitten peeled crumpled aged antique vintage modern ancient weathered foggy cloudy sunny icy grassy sandy
        overcast intact dim bright dried wilted ripe unripe rotten burnt toasted assembled upside-down inflated deflated""",
        "shape": "cubic angled angular slanted pentagonal octagonal spiral domed l-shaped u-shaped star-shaped diamond-shaped",
        "colour": """colorful colourful multicolored multi-colored multicoloured multi-coloured rainbow dark light pale colored coloured
        black-and-white two-toned neon brightly-colored brunette colorless reddish bluish greenish brownish yellowish grayish greyish whitish pinkish
        purplish blackened""",
        "pattern": "patterned printed plain solid decorated ornate swirled graffiti-covered argyle gingham mottled",
        "material": """matte cotton woolen woollen wool woven knitted knit fabric cloth tile tiled shiny polished fur furry fuzzy fluffy silk satin velvet
        lace linen foam glossy mirrored carpeted padded plush upholstered paved paneled panelled wrought-iron hardwood styrofoam canvas felt nylon
        mesh wire stuccoed linoleum laminate thatched transparent translucent clear silken woody""",
    }
)
ANTONYMS: dict[str, tuple[str, ...]] = _lists(
    {
        "small": "large huge",
        "tiny": "large huge",
        "tall": "short",
        "long": "short",
        "wide": "narrow",
        "thick": "thin",
        "open": "closed",
        "empty": "full",
        "wet": "dry",
        "dirty": "clean",
        "broken": "intact",
        "folded": "unfolded",
        "lit": "unlit",
        "flat": "curved",
        "striped": "plain",
        "spotted": "plain",
        "rusty": "shiny polished",
        "sliced": "whole",
        "old": "new",
    }
)
# What they say of a noun is that it isn't one: "a fake plant".
PRIVATIVES = frozenset(
    """
fake toy false artificial faux mock imitation counterfeit pretend replica model former ex would-be imaginary virtual supposed alleged so-called
fictional simulated dummy bogus phony sham forged inflatable makeshift almost unreal nonexistent
""".split()
)
# Of hyphenated words the last part.
ENDINGS: dict[str, str] = {
    "shaped": "shape",
    "sized": "size",
    "size": "size",
    "colored": "colour",
    "coloured": "colour",
    "toned": "colour",
    "patterned": "pattern",
    "print": "pattern",
    "striped": "pattern",
    "covered": "state",
    "fashioned": "state",
    "filled": "state",
    "dotted": "pattern",
}
