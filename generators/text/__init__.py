"""Edits of captions: visual attributes inserted, content diluted, and the controls of both."""
