"""Words that keep a caption from saying that what it names is there."""

# ruff: noqa: SIM905 - lists of dozens of words read better as text.

from __future__ import annotations

import re
from collections.abc import Iterable

FINITE = frozenset({"VBZ", "VBP", "VBD", "AUX", "MD"})
RELATIVE = frozenset({"WDT", "WRB"})
# Nothing reaches beyond them, nor beyond the words after them.
BREAK = re.compile(r"[.!?;:()\[\]{}\n\"“”«»–—]|\s-\s")
# They set words apart within a clause.
APART = re.compile(r"[,()–—]|\s-\s")
SENTENCE_END = re.compile(r"[.!?\n]")
BREAKING = frozenset("but yet while whereas although though because".split())
NEGATIVES = frozenset(
    "cannot dont doesnt didnt isnt arent wasnt werent hasnt havent hadnt cant couldnt wouldnt".split()
)
NOBODY = frozenset("nobody none nothing noone".split())
SELDOM = frozenset("never rarely seldom".split())
# After "not", and beside a negated verb: nothing is denied.
EMPTY = frozenset("only just merely simply necessarily far long too unlike uncommon unusual".split())
CANCELLING = frozenset("miss ignore deny doubt help".split())
# "A man refuses to wear a hat."
REFUSING = frozenset(
    "fail fails failed failing refuse refuses refused refusing decline declines forgot forgets".split()
)
PERHAPS = frozenset(
    "maybe perhaps possibly probably presumably supposedly allegedly apparently hypothetically ideally".split()
)
WANTING = frozenset("want wants wanted wanting need needs needed hope hopes hoping".split())
# What follows, to the end of the sentence, is only thought of.
SUPPOSING = frozenset(
    """
if unless whether imagine imagines imagined imagining pretend pretends pretending suppose supposing envision envisions wish wishes wishing wished
doubt doubts doubted deny denies denied wonder wonders wondering
""".split()
)
SUPPOSING_PAIRS = frozenset(
    {("as", "though"), ("yet", "to"), ("us", "say"), ("let's", "say"), ("false", "that"), ("untrue", "that")}
)
# What they begin is a question, also without its mark.
ASKING = frozenset("is are was were do does did has have had can could will would".split())
SEEING = frozenset("see find spot notice".split())
UNREAL_MODALS = frozenset("would could might may should must".split())
BE = frozenset("is are was were be been being isn't aren't wasn't weren't isnt arent wasnt werent it's that's".split())
# Said of what is not there, after its noun or after a form of "be".
GONE = frozenset(
    """
missing absent gone nonexistent removed demolished vanished disappeared imaginary invisible unseen nowhere stolen lost destroyed erased deleted
discarded sold eaten melted lacking forgotten misplaced
""".split()
)
GONE_PAIRS = frozenset(
    tuple(pair.split())
    for pair in """
torn down|burned down|cut down|thrown away|thrown out|carried off|taken away|given away|was taken|were taken|been taken|once stood|long gone|no more
moved elsewhere|moved away|once was|once were|was once here|was once there|were once here|is to be|are to be|goes here
left behind|out of sight|out of view|out of frame|been ordered|was ordered|been planned|is planned|was planned
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
# Modifiers that say so: "a fake plant", "the missing key".
UNREAL_MODIFIERS = frozenset(
    """
missing absent nonexistent non-existent imaginary imagined invisible unseen fake former pretend fictional would-be supposed alleged so-called
hypothetical ex vanished removed stolen future planned possible
""".split()
)
# With a negation, they deny that their subject is there: "a ball that isn't there", "a dog that can't be seen", "a sink
# that has not been installed", "cars are not allowed here".
THERE = frozenset(
    """
there here visible present around real seen found shown spotted pictured included noticed installed built constructed planted delivered allowed
permitted welcome
""".split()
)
EXISTING = frozenset(
    "exist exists existed appear appears appeared show shows stand stands stood arrive arrives arrived".split()
)
# "A ring is not on the grass", "does not lie there".
PLACING = frozenset(
    "on in at by near under behind over above below beneath beside inside outside among between upon within".split()
)
POSED = frozenset(
    "be stand lie sit hang live rest grow belong lying sitting hanging standing resting stands lies sits hangs".split()
)
# "If you look closely, there is a ring."
LOOKING = frozenset("look zoom squint peer watch examine inspect observe".split())
SHOWN = frozenset("picture photo photograph image scene frame view shot sight".split())
# Directly before a noun phrase they deny it, and what "or" joins to it.
BEFORE_NOUNS = frozenset(
    tuple(words.split())
    for words in """
no|not|neither|nor|never|without|lacking|lacks|lack|lacked|minus|zero|missing|hardly|barely|scarcely|except|excluding|unlike|omits|omit|omitting
sans|forbids|forbidding|prohibits|prohibiting|bans|banning|forgot|forgets|than|all but|apart from|save for|bereft of|lieu of
instead of|rather than|free of|free from|devoid of|empty of|emptied of|void of|lack of|absence of|want of|except for|other than|anything but|nothing but
nothing like|everything but|opposed to|place of|looking for|looks for|look for|searching for|search of|search for|waiting for|waits for|wait for
asking for|asks for|longing for|longs for|hunting for|wishing for|hoping for|in need of|dream of|dreams of|dreaming of|dream about|dreams about
dreaming about|thinking of|thinking about|thinks of|thinks about|think of|used to be|used to have|was once|were once|formerly|far from being
not one of|not even one of|not a single one of|not a one of|not any of|not many of|none of|neither of|hardly any of|few of|yet to
place for|room for|space for|spot for|reserved for|meant for|intended for|made for|designed for|fit for|set aside for|plan for|plans for|request for
waited for|asked for|appears to be|appear to be|seems to be|seem to be|warning of|warns of|warning about|warns about|lost|loses|losing|stole|steals|sold|previously|ordered|orders|requested|requests|awaits|awaiting|await|expects|expecting
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
LONGEST = max(map(len, BEFORE_NOUNS))
# "The tray is out of cookies", but not "out of the box".
SPENT = frozenset((verb, "out", "of") for verb in ("is", "are", "was", "were", "ran", "runs", "run", "running"))
# "A gap where the fridge belongs", "where the dog usually sleeps".
AT_OTHER_TIMES = frozenset("belong belongs belonged usually normally typically".split())
FILLERS = frozenset("any even being having ever quite really so much as also".split())
DEFINITE = frozenset("the this that these those my your his her its our their".split())


_DENYING = frozenset("no not nor neither without hardly barely scarcely lacks lacking noone".split())
DOUBTING = _DENYING | NEGATIVES | NOBODY | SELDOM | PERHAPS | SUPPOSING | UNREAL_MODALS | REFUSING | GONE


def is_doubtful(words: Iterable[str]) -> bool:
    """Return whether any of a text's lower-case words denies or doubts what the text says."""
    return any(word in DOUBTING or word.replace("’", "'").endswith("n't") for word in words)
