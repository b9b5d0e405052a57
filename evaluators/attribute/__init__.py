"""Measuring classifiers on edited pictures (ImageNet-E)."""
