"""How objects are removed where nobody says otherwise."""

# By how much of the longer side of its box an object's mask grows before it is filled.
DILATION = 0.2
# Width in pixels of the seam between the filled region and the source.
FEATHER = 4.0
