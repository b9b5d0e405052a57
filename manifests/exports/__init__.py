"""Layouts that other people's loaders read, made from a finished dataset. No torch, as everywhere in this package."""
