"""Image_text."""
