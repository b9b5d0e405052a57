"""Removing objects and putting them onto other backgrounds."""
