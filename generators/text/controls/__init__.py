"""Controls: edits of the same size that know nothing of the image."""
