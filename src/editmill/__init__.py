"""Robustness benchmarks by generative editing: build datasets, read them, evaluate on them."""
