"""The defects of the published scripts that can be switched on, by their numbers in the documentation."""

from __future__ import annotations

from enum import IntEnum


class LegacyBug(IntEnum):
    """One defect each; a recipe lists their numbers."""

    # The masked model reads [UNK] where its start and end tokens belong.
    UNKNOWN_ENDS = 1
    # Earlier slots still read [MASK] while later ones are filled, [MASK] itself may be proposed, and scored sentences
    # show later masks.
    OPEN_MASKS = 2
    # Pieces of words are proposed and fuse with the word before them.
    FUSED_PIECES = 3
    # Texts are joined from tokens; capitals and signs of several characters pass the list of stopwords.
    DETOKENISED = 4
    # Words before a slot may be repeated where fewer than two tokens stand before it.
    SHORT_HISTORY = 5
