"""Evaluation of edited captions: retrieval by image-text models, and what the edits did to the texts."""
