"""Guards: scores and reasons on final encoded pictures."""
