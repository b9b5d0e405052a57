"""Layouts of other loaders that datasets of every family can be written in."""
