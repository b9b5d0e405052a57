"""One file per role or group of roles: what is measured on held-out scenes, and the bounds that it must hold."""
