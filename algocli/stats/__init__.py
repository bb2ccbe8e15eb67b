"""One number a vertex, and how sure it is: correlation, explained variance, resampling, permutation."""
