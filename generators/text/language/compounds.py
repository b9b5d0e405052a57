"""Compounds that dictionaries don't show: nothing is ever set inside them."""

from __future__ import annotations

# First words that are not nouns, or verbs with a particle, or pairs with "and"; of the last word the plural counts as
# well.
_IDIOMS = """
hot dog|hot tub|hot plate|hot sauce|hot chocolate|hot air balloon|french fry|french toast|french bread|high chair|high heel|high school|high rise
remote control|double decker|double decker bus|flat screen|flat screen tv|flat screen television|flat screen monitor|fast food|soft drink
green bean|polar bear|brown bear|black bear|grizzly bear|panda bear|sweet potato|little league|hard hat|hard drive|front door|front yard|back yard
back door|open air market|grand piano|great dane|golden retriever|german shepherd|guinea pig|wet suit|dry erase board|parallel bar|big ben
swiss cheese|bull dog|pit bull|whipped cream|sour cream|stop sign|stop light|top hat|side table|salt and pepper shaker|salt and pepper
macaroni and cheese|mac and cheese|peanut butter and jelly sandwich|bread and butter|close up|pick up truck|pick up|pull up|set up|line up
stand up comedian|drive in|night stand|double bed|single bed|twin bed|king size bed|queen size bed|king sized bed|queen sized bed|king bed|queen bed
left hand|right hand|trash can|garbage can|soda can|beer can|tin can|watering can|spray can|paint can|coke can|metal can|aluminum can|living room
dining room|fire hydrant|fire truck|fire engine|cell phone|mobile phone|ice cream|ice cream cone|teddy bear|public transportation|first aid kit
red carpet|black board|white board|green house|white house|red wine|white wine|brown rice|white rice|merry go round|lazy boy|rolling pin
rock star|pop star|movie star|film star
"""
IDIOMS = frozenset(tuple(idiom.split()) for idiom in _IDIOMS.strip().replace("\n", "|").split("|"))
IDIOM_STARTS = frozenset(idiom[0] for idiom in IDIOMS)
LONGEST_IDIOM = max(len(idiom) for idiom in IDIOMS)
# Their last word alone would name another thing.
MISLEADING_HEADS = frozenset(
    """
hot dog|teddy bear|ice cream|sea horse|sea lion|guinea pig|high chair|remote control|bow tie|stop light|french fry|baseball bat|lady bug|butter fly
home plate|gold fish|ice cream cone|cotton candy|toy car|rubber duck|hot air balloon|horse shoe|star fish|jelly fish
rocking horse|hot plate|high heel|bull dog|pit bull|red carpet|traffic cone
""".strip()
    .replace("\n", "|")
    .split("|")
)
_ROOMS = "restroom room bathroom toilet washroom lavatory locker department section clothing wear tournament final team"
# Possessives that name a kind of thing: nothing goes between "men's" and "restroom".
BOUND_POSSESSIVES: dict[str, frozenset[str]] = {
    owner: frozenset(nouns.split())
    for owners, nouns in {
        "men's women's ladies' ladies boys' girls' kids' children's boys girls kids": _ROOMS,
        "chef's": "knife hat",
        "farmer's farmers": "market",
        "driver's": "seat license",
        "baker's": "dozen rack",
        "bull's": "eye",
        "barber's": "pole chair",
        "captain's": "chair wheel",
        "director's": "chair",
        "doctor's": "office",
        "mother's father's valentine's": "day",
        "shepherd's": "pie hook",
        "bird's": "eye nest",
    }.items()
    for owner in owners.split()
}
_ENCLOSED = "shower closet freezer pantry cooler tub refrigerator fridge"
# A verb with its particle that stands before a noun as one adjective: "a walk in closet".
PARTICLE_MODIFIERS: dict[tuple[str, str], frozenset[str]] = {
    pair: frozenset(nouns.split())
    for pair, nouns in {
        ("walk", "in"): _ENCLOSED,
        ("stand", "up"): f"{_ENCLOSED} bathtub piano",
        ("built", "in"): "shelf oven cabinet microwave bookcase appliance",
        ("pull", "out"): "couch sofa bed drawer",
        ("fold", "out"): "couch sofa bed chair table",
        ("pull", "down"): "screen bed",
        ("pop", "up"): "tent book",
        ("fold", "up"): "chair table bed",
        ("drive", "through"): "window restaurant",
        ("roll", "up"): "door",
        ("sit", "down"): "restaurant meal",
    }.items()
}
