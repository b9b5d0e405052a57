"""Masks for photographs that have none: prompts, proposals by the pack's segmenter, a quality gate, and the folder that
results.
"""
