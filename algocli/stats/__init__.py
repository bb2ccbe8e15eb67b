"""One number a vertex, and how sure it is: correlation, explained variance, resampling, permutation.

correlation  r of every vertex
explained    R² of every vertex
partition    what sets of features explain alone, and what in common
permutation  which scores are more than chance
bootstrap    how far scores might have come out otherwise
"""
