"""Model packs: a YAML file per pack maps roles to checkpoints."""
