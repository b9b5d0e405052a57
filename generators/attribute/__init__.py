"""Attribute editing (ImageNet-E)."""
