"""Evaluation of generated pictures: accuracy by conditioning, effective robustness, and what the guards let pass."""
