"""Deciding anew about stored scores, without rendering."""
