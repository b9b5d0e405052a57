"""Words of closed classes with their tags of the Penn Treebank; ``QN`` is ours for quantifiers ("several")."""

from __future__ import annotations

_BY_TAG: dict[str, str] = {
    "DT": "a an the this these those some any no every each another either neither all both half such",
    "QN": "many several few various multiple numerous more most fewer less enough plenty much other",
    "PRP$": "my your his her its our their whose someone's somebody's anyone's anybody's everyone's everybody's",
    "PRP": """i you he she it we they me him us them myself yourself himself herself itself ourselves themselves someone somebody something anyone
        anybody anything everyone everybody everything nobody nothing none others one's mine yours hers ours theirs""",
    "CD": """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty
        thirty forty fifty sixty seventy eighty ninety hundred thousand million dozen""",
    "IN": """about above across after against along alongside although amid amidst among amongst around as aside at atop because before behind below
        beneath beside besides between beyond by despite during except for from if in inside into like near of off on onto opposite out outside
        over past per since than that through throughout toward towards under underneath unless until up upon via while whilst with within
        without aboard""",
    "TO": "to",
    "CC": "and or but nor plus",
    "MD": """can could will would may might must shall should cannot can't couldn't won't wouldn't shouldn't mustn't mightn't
        needn't""",
    "AUX": """is are was were be been being am has have had having does do did isn't aren't wasn't weren't hasn't haven't doesn't don't
        didn't hadn't ain't it's that's he's she's here's what's who's let's they're we're you're i'm""",
    "EX": "there there's there're",
    "WDT": "which whichever who whom what whatever",
    "WRB": "where when how why whenever wherever",
    "RB": """very really so too quite extremely rather just only also not never here together away currently partially partly fully mostly almost
        nearly slightly highly newly freshly fairly somewhat super ever yet then now again apart ahead instead else maybe perhaps down indoors
        outdoors upside forward forwards backwards nearby somewhere everywhere anywhere even still already always often once twice ready""",
    # Adjectives that lexica call nouns, verbs or adverbs, or don't know.
    "JJ": "next own same different certain able asleep alone awake multi-colored multicolored",
}
TAG_OF: dict[str, str] = {word: tag for tag, words in _BY_TAG.items() for word in words.split()}
# They hold their noun's place open, so the word after them is no verb.
DETERMINERS = frozenset({"DT", "QN", "PRP$", "CD"})
