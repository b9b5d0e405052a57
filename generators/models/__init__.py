"""Model packs: roles, checkpoints, loading."""
