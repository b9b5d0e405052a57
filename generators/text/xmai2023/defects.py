"""The defects of the published scripts that can be switched on, by their numbers in the documentation, and where this
run differs from theirs.
"""

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


DEVIATIONS: tuple[str, ...] = (
    "boxes and names come from the pack's detector, not from the Faster R-CNN of bottom-up attention with its 1,600 "
    "names",
    "a box's attribute is the best of the pack's closed vocabulary, not of the detector's 400",
    "similarities of words are cosines of the masked model's input embeddings, not of en_core_web_md and "
    "bert-base-nli-mean-tokens",
    "forms of one noun count as similar to 1 for slots, since the embeddings of a small model don't know plurals",
    "the masked model and the CLIP are the pack's",
    "nouns are tagged by textblob's lexicon, not by flair",
    "all boxes of a name count, also of names of several words, where the scripts keep the first box or, of two names "
    "that begin alike, the last",
    "a term whose values are all alike and negative counts -1 for each word, not minus infinity; no choice depends on "
    "it",
    "a caption without an insertion stays as it is and is rejected, also where joining its tokens would have changed "
    "it (defect 4)",
    "slots beyond what the masked model reads stay empty; the scripts stop with an error",
)
