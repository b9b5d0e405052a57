"""Attribute."""
