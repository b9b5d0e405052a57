"""What all families share: the base classes of a family and its maker, samples, sources and the loop."""
