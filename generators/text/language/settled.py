"""Nouns that say an attribute themselves: a ball is round, and no banana is wooden."""

from __future__ import annotations

_ANIMALS = """
animal dog puppy cat kitten horse pony foal colt cow bull calf ox sheep lamb goat pig piglet hog boar donkey mule elephant giraffe zebra lion tiger
leopard cheetah bear panda wolf fox deer elk moose antelope gazelle buffalo bison camel llama alpaca monkey ape gorilla chimpanzee kangaroo koala
rabbit bunny hare squirrel chipmunk raccoon skunk rat mouse hamster otter beaver seal walrus whale dolphin shark fish goldfish duck duckling goose
gosling swan chicken rooster hen chick turkey bird pigeon dove seagull gull parrot owl eagle hawk crow raven peacock flamingo penguin ostrich
pelican heron stork sparrow hummingbird frog toad snake lizard turtle tortoise crocodile alligator bee butterfly spider ant fly beetle dragonfly
insect crab lobster octopus jellyfish starfish snail pet livestock cattle rhino rhinoceros hippo hippopotamus
"""
_FOODS = """
food meal fruit vegetable banana apple orange pear peach plum cherry grape strawberry blueberry raspberry blackberry watermelon melon lemon lime mango
pineapple kiwi coconut avocado tomato potato carrot broccoli cauliflower lettuce cabbage spinach pepper onion garlic cucumber mushroom corn pea bean
celery pumpkin squash zucchini salad soup stew sandwich burger hamburger cheeseburger pizza pasta noodle rice bread toast bagel bun roll croissant
muffin donut doughnut cake cupcake pie cookie brownie pastry pancake waffle cereal egg bacon ham sausage steak beef pork chicken meat fish shrimp
sushi taco burrito cheese butter yogurt cream chocolate candy sauce ketchup mustard mayonnaise fry chip popcorn pretzel juice water coffee tea milk
wine beer soda lemonade smoothie drink beverage dessert snack breakfast lunch dinner frosting icing
"""
_PLANTS = (
    "tree bush shrub flower rose tulip daisy sunflower lily plant grass leaf fern ivy moss hedge weed palm cactus vine"
)
_SETTLED: dict[str, str] = {
    "shape": """ball cube cone cylinder ring star sphere globe pyramid square circle triangle rectangle oval box wheel tire donut doughnut disc
        disk frisbee coin heart hoop bagel brick dice orange apple grape cherry pea egg baseball basketball football volleyball""",
    "colour": """orange lemon lime strawberry blueberry blackberry cherry carrot broccoli snow grass blackboard whiteboard greenhouse flamingo
        zebra panda raven crow goldfish lettuce spinach ketchup mustard milk blood coal charcoal silver gold ivory darkness""",
    "material": """sun moon mountain hill cliff island glass brick stone rock boulder pebble wood log plank lumber metal steel iron paper newspaper cardboard concrete cement leather
        denim jeans plastic ceramic rubber wool fabric cloth snow ice water ocean sea lake river sand dirt mud gravel sky cloud smoke fire snowman
        sandcastle coin silverware mirror window windshield book magazine tile marble granite pavement asphalt foil tinfoil""",
    "pattern": "stripe check plaid polka-dot zebra leopard tiger giraffe cheetah ladybug dalmatian checkerboard chessboard camouflage",
    "size": """skyscraper giant mountain miniature wood lumber metal steel iron concrete cement leather denim plastic ceramic rubber wool snow water
        sand dirt mud gravel smoke grass furniture bedding luggage silverware rice mustard ketchup mayonnaise soup meat butter cream popcorn pasta""",
    "state": "snow ice fire flame ruin wreck debris garbage trash",
}
# What lives or is eaten is of no material, and of its own shape.
_NATURAL: tuple[tuple[str, str], ...] = (
    ("material", _ANIMALS),
    ("material", _FOODS),
    ("material", _PLANTS),
    ("shape", _ANIMALS),
    ("shape", _PLANTS),
)
_GROUPS: dict[str, set[str]] = {}
for _group, _nouns in (*_SETTLED.items(), *_NATURAL):
    for _noun in _nouns.split():
        _GROUPS.setdefault(_noun, set()).add(_group)


def settled_groups(noun: str) -> frozenset[str]:
    """Return the groups of attributes that have nothing to say of a lower-case singular noun, as it says or excludes
    them itself.
    """
    return frozenset(_GROUPS.get(noun, ()))
