"""Nouns of people, of parts of their bodies and of where they come from: nothing is ever inserted before them."""

from __future__ import annotations

PEOPLE = frozenset("""
person people man woman men women boy girl child kid baby toddler infant teenager teen adult guy gal lady gentleman male female fellow dude folk
human individual someone somebody anyone anybody everyone everybody nobody couple family crowd team crew group audience public mother father mom
dad mum mama papa parent son daughter brother sister sibling twin grandmother grandfather grandma grandpa grandparent uncle aunt cousin nephew
niece husband wife spouse bride groom bridesmaid groomsman fiance fiancee boyfriend girlfriend friend neighbor neighbour stranger player athlete
batter pitcher catcher umpire referee coach goalie goalkeeper golfer skier snowboarder skateboarder skater surfer swimmer runner jogger cyclist
bicyclist biker motorcyclist rider jockey hiker climber boxer wrestler gymnast dancer racer sailor rower tennis-player officer policeman
policewoman cop soldier guard firefighter fireman sailor pilot driver passenger commuter pedestrian traveler traveller tourist visitor guest
spectator fan onlooker bystander customer shopper diner worker employee employer boss manager businessman businesswoman construction-worker
farmer rancher cowboy cowgirl shepherd fisherman fisher hunter gardener baker chef cook waiter waitress bartender barista server butcher vendor
salesman saleswoman seller merchant doctor nurse surgeon dentist patient scientist engineer mechanic plumber electrician carpenter painter artist
sculptor photographer cameraman reporter journalist writer author poet actor actress model musician guitarist drummer singer performer clown
magician comedian dj band-member teacher professor student pupil classmate graduate schoolboy schoolgirl principal librarian priest nun monk
bishop pope rabbi imam king queen prince princess president senator mayor politician judge lawyer criminal thief prisoner homeless beggar elder
senior youth youngster youngsters peer buddy pal toddler newborn member leader owner winner loser partner teammate opponent skateboarders handler
trainer instructor attendant clerk cashier receptionist secretary maid janitor cleaner stewardess steward astronaut diver surfboarder windsurfer
kitesurfer kiteboarder paraglider parachutist skydiver batsman bowler fielder quarterback outfielder infielder snowboarders mascot hero villain
santa superman batman pirate witch wizard viking samurai ninja geisha hipster hippie punk nerd toreador matador
""".split())  # noqa: SIM905 - a list of hundreds of words reads better so.
BODY = frozenset("""
face head hair eye eyes ear nose mouth lip tooth teeth tongue cheek chin beard mustache moustache forehead eyebrow eyelash neck throat shoulder
arm elbow wrist hand palm fist finger thumb nail fingernail chest breast back belly stomach waist hip leg knee thigh shin calf ankle foot feet
toe heel skin body torso lap skull
""".split())  # noqa: SIM905 - a list of hundreds of words reads better so.
DEMONYMS = frozenset("""
american african asian european australian canadian mexican brazilian british english irish scottish welsh french german italian spanish
portuguese dutch swiss austrian swedish norwegian danish finnish polish russian ukrainian greek turkish arab egyptian moroccan nigerian kenyan
ethiopian israeli iranian iraqi indian pakistani bangladeshi chinese japanese korean vietnamese thai filipino indonesian malaysian mongolian
tibetan caucasian hispanic latino latina black white native indigenous amish muslim christian jew hindu buddhist sikh
""".split())  # noqa: SIM905 - a list of hundreds of words reads better so.
# Of these, only what follows "of" tells whether they are people.
COLLECTIVES = frozenset("""
group couple crowd bunch team pair line row number lot band crew family trio gang herd
""".split())  # noqa: SIM905 - a list of hundreds of words reads better so.
ALWAYS_PEOPLE = frozenset({"crowd", "team", "crew", "family", "gang", "audience"})
ENDINGS = ("man", "men", "woman", "women", "boy", "girl", "person", "people", "boarder", "keeper", "player", "child", "children")


def is_person(noun: str, compound: str) -> bool:
    """Whether a lower-case singular noun, the last word of ``compound``, is a person, a part of a body or a demonym."""
    if noun in COLLECTIVES - ALWAYS_PEOPLE:
        return False
    if {noun, compound.replace(" ", "-")} & (PEOPLE | BODY | DEMONYMS):
        return True
    # "a woman cooking", "a chef's knife": what belongs to a person is left alone as well.
    if any(word.removesuffix("'s").removesuffix("’s") in PEOPLE for word in compound.split()):
        return True
    return len(noun) > 5 and noun.endswith(ENDINGS) and noun not in ("snowman", "doberman", "walkman")
