"""Studies of guards and of selection on the embedded world."""
