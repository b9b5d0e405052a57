"""Training of the tabletop pack: one task per role over one shared loop."""
