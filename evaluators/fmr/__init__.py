"""Evaluation of latent ascents: accuracy on originals and on pictures made against a model, and controls."""
