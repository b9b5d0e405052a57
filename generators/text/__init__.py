"""Edits of captions: visual attributes inserted, as the image shows them or as published, and controls."""
