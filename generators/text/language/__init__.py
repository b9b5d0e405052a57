"""English captions as they are written: words with offsets, noun phrases, articles, and reversible operations."""
