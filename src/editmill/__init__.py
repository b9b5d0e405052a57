"""Robustness benchmarks by generative editing: build datasets of edited pictures and captions, read them, evaluate on them."""
