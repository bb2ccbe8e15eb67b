"""Figures: what a picture shows, what its colours mean, and the strokes that make it."""
