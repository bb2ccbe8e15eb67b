"""A training on disk: opened, filled, found again, and asked for new predictions."""
