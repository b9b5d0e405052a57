"""The embedded pack: a procedural world, training scripts and trained weights."""
