"""How objects are removed where nobody says otherwise."""

# By how much of the longer side of its box an object's mask grows before it is filled: in the pack's own toy world,
# whose shadows it takes in; in photographs by models; and by patches, which need more of the surroundings to take from.
DILATION = 0.2
PHOTO_DILATION = 0.08
PATCH_DILATION = 0.04
# Gaps of up to twice this share of that side are closed in masks of photographs.
CLOSING = 0.05
# Largest share of the frame that patches fill; of larger holes too little is left to take from.
PATCH_MOST_HOLE = 0.4
# Pixels of the longer side at which patches are searched. Beyond it a hole is filled in a smaller picture, and what
# shrinking lost is taken from where the patches came from.
PATCH_SIDE = 512
# Width in pixels of the seam between the filled region and the source.
FEATHER = 4.0
# What a filled hole may have of each fault, set where about one untouched region of a photograph in a hundred has more
# (docs/imagenet-e.md).
FILL_LIMITS = {
    "fill_smooth": 0.45,
    "fill_plain": 0.56,
    "fill_colour": 0.25,
    "fill_seam": 1.0,
    "fill_remnant": 0.18,
    "fill_traces": 0.25,
    "fill_likeness": 0.84,
}
# What a mask may leave out of its object, as shares of the mask.
MASK_LIMITS = {"mask_gaps": 0.03, "mask_missed": 0.15}
