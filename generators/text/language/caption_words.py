"""What captions make of words that dictionaries leave open: verbs after nouns, gerunds that are nouns."""

# ruff: noqa: SIM905 - lists of dozens of words read better as text.

from __future__ import annotations

# After a noun their forms are rather verbs: "a dog walks on", "two men work at". Base forms.
VERBS = frozenset(
    """
sit stand lie lay look walk run play ride hold wear eat drink fly jump swing hit throw catch cook stare smile pose wait work drive park rest sleep
graze cross talk use cut face show feature contain include carry prepare make take get go come lead hang float swim surf ski skate skateboard
snowboard kick pull push serve pitch point reach lean turn travel move pass fill cover surround line overlook watch open close have need appear
seem gather compete perform practice enjoy attempt try begin start stop lick chew bite sniff chase climb dive slide roll bend kneel crouch squat
perch sail race tow haul load unload land approach follow enter leave exit join share inspect examine read write type draw paint wash brush clean
feed pet hug kiss touch grab lift raise display sell buy offer add pour mix stir bake grill fry slice chop spread decorate celebrate blow burn
glow shine reflect cast grow bloom stretch extend connect depict say state tell give emerge protrude await cling rise fall set shake wave yawn
laugh cry bark scratch peer gaze glance listen speak chat argue fight wrestle dance sing exercise wander roam trot gallop wade splash bathe nap
snuggle cuddle nurse huddle assemble converse tend herd guard patrol deliver transport pick pack unpack arrange stack pile consist see keep let
put help know want like love find meet bring call check cheer relax recline lounge loom lunge leap hover circle adjust inhale reel
""".split()
)
# Of these the plural is as often the head of a compound ("baseball bats on", "street signs at"): verbs only after
# people or "a".
NOUNISH_VERBS = frozenset(
    """
bat drink watch ski skate swing slide light sign board line park cover plant brush paint pet sail fry slice roll ring race ramp track hand
face shower skateboard snowboard spread display load dish stack pile pack guard herd nurse wave point set cut work type pitch catch lead
nap dance fight call check circle reel exercise
""".split()
)
# Nouns in -ing, unless a determiner follows ("painting a wall").
NOUN_GERUNDS = frozenset(
    """
building ceiling railing painting drawing wedding evening morning clothing bedding string ring king thing wing spring swing setting lighting plumbing
frosting icing topping dressing stuffing filling awning crossing landing siding flooring tubing wiring seating shelving pudding stocking earring
furnishing housing meeting outing covering sibling duckling dumpling sapling lightning sling offering fencing paneling panelling roofing carving
engraving etching clearing scaffolding opening lettering marking molding moulding padding piping rigging netting matting guttering gosling yearling
viking herring parking writing gaming hearing feeling beginning ending belonging surrounding
""".split()
)
# Gerunds that make a compound with the noun after them even where no determiner stands before.
GERUND_COMPOUNDS: dict[str, frozenset[str]] = {
    gerund: frozenset(nouns.split())
    for gerund, nouns in {
        "baking": "sheet pan dish tray soda powder",
        "bowling": "alley ball pin shoe",
        "boxing": "ring glove",
        "camping": "tent gear chair site",
        "carving": "knife",
        "changing": "table room station",
        "chopping": "board block",
        "cooking": "utensil pot pan machine equipment area appliance tool oil range stove surface",
        "cutting": "board",
        "dining": "room area table hall chair set car space",
        "diving": "board suit",
        "dressing": "table room",
        "drinking": "fountain glass water straw",
        "fishing": "boat pole rod net pier line lure",
        "flying": "disc",
        "frying": "pan",
        "gardening": "tool",
        "hanging": "basket",
        "hiking": "trail boot shoe gear stick",
        "hunting": "dog rifle",
        "ironing": "board",
        "knitting": "needle",
        "landing": "gear strip",
        "lighting": "fixture equipment",
        "living": "room area space quarters",
        "measuring": "cup tape spoon",
        "mixing": "bowl",
        "parking": "lot meter space garage spot area sign deck structure ticket",
        "playing": "field card",
        "racing": "bike car track",
        "reading": "glasses lamp room nook chair",
        "riding": "boot crop gear helmet lesson arena",
        "rocking": "chair horse",
        "rolling": "pin",
        "running": "shoe water track",
        "sailing": "ship boat vessel",
        "serving": "dish tray bowl plate platter spoon table line utensil",
        "sewing": "machine",
        "shopping": "cart bag mall center area basket district",
        "sitting": "room area",
        "skating": "rink park area ramp",
        "skiing": "equipment gear goggles pole area",
        "sleeping": "bag",
        "spinning": "wheel",
        "steering": "wheel",
        "swimming": "pool trunks suit cap goggles",
        "training": "wheel session room",
        "vending": "machine",
        "wading": "pool",
        "waiting": "room area",
        "walking": "path stick trail bridge cane",
        "washing": "machine",
        "watering": "can hole",
        "wedding": "cake dress party gown ring",
        "wrapping": "paper",
        "writing": "desk utensil implement table",
    }.items()
}
# Plurals that may stand before another noun.
PLURAL_MODIFIERS = frozenset(
    "sports clothes news mens womens electronics goods games savings sales headquarters".split()
)
# Plurals without an ending: a base form after them can be a verb.
INVARIABLE = frozenset("sheep cattle fish deer elk moose bison police buffalo livestock poultry crew".split())
# After a noun these make an attribute with it: "snow covered", "diamond patterned".
NOUN_PARTICIPLES = frozenset(
    """
covered painted patterned themed shaped drawn lined topped colored coloured sized flavored mounted fed tiled trimmed framed powered wrapped printed
striped lit filled infested related made styled scented smeared dusted capped rimmed
""".split()
)
# After an adjective or a number these make an attribute with it: "modern style kitchen", "two story house".
MEASURE_NOUNS = frozenset(
    """
style type size budget brand shape color colour quality tech class level speed story storey tier way door piece wheel burner drawer leg lane seat foot
inch year layer panel person car deck masted era theme
""".split()
)
DIMENSIONS = frozenset("tall long wide high deep thick old".split())
# Colours that are rather things before a noun: "rose garden", "chocolate cake".
NOUN_COLOURS = frozenset(
    """
rose chocolate salmon coral cream mint lime olive peach copper bronze rust charcoal mustard ruby emerald chestnut tangerine ebony rainbow light
""".split()
)
# What stands, where it is a piece of furniture or a stall: "a tv stand", "fruit stands".
STANDS = frozenset(
    """
tv television night plant cake fruit food bike coat hat umbrella news music dog kick book concession lemonade market vegetable banana flower wash
display shoe produce taxi souvenir coffee snack
""".split()
)
# Lightness before a colour belongs to the colour.
SHADES = frozenset("light dark bright pale deep".split())
# Where dictionaries name a sense that captions don't have, or miss one that they have.
KINDS: dict[str, frozenset[str]] = {
    word: frozenset(kinds.split())
    for words, kinds in {
        "top front back side bottom middle left right female male adult silver gold orange square round plain ivory": "ADJ NOUN",
        "net bear bears stall stalls counter toilet hydrant sky teddy frisbee wood cloth home tie bow rock lap star bat": "NOUN",
        "man men woman kid kids baby babies child dog dogs cat cats horse horses cow cows bird birds plane planes train trains": "NOUN",
        "bus buses truck trucks bike bikes boat boats": "NOUN",
        "table couch bed seed weed shed sled bench bowl pot pan cup plate fork spoon knife glass glasses box bag basket mouse": "NOUN",
        "house room street corner bridge ground water fire air stone iron paper shower oven pizza sandwich chef model leaves": "NOUN",
        "single double stainless matte wooden woolen lone outdoor indoor mid aged full empty clear dry young old warm cool flat": "ADJ",
        "close": "ADJ ADV VERB",
        "open clean": "ADJ VERB",
        "blow lit wore sat fed led": "VERB",
        "used": "ADJ VERB",
        "fast": "ADJ ADV",
        "well": "ADV",
        "shot": "NOUN VERB",
        "saw": "NOUN VERB",
        "left-hand right-hand": "ADJ",
        "felt": "NOUN VERB",
    }.items()
    for word in words.split()
}
