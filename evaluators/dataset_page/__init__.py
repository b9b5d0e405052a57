"""One page that shows a dataset: counts, pictures, guards, cost, evaluations and provenance."""
