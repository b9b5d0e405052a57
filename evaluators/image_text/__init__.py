"""Models that compare pictures with texts."""
