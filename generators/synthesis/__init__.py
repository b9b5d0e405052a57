"""Guarded synthesis: adversarial latent ascent, style masks, selection and retries."""
