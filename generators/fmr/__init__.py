"""FMR: latent ascents against classifiers that a guard ensemble still recognises, with their controls."""
