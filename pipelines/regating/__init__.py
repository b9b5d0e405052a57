"""Regating."""
