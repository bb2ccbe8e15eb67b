"""One number a vertex, and how sure it is: correlation, explained variance, resampling, permutation.

correlation  r of every vertex
explained    R² of every vertex
partition    what sets of features explain alone, and what in common
tails        p beyond the largest draw
permutation  which scores are more than chance
families     p of many differences, corrected for their number
groups       what several subjects say together: mean, sign flips, prevalence
best         which of several is best on average over subjects, and how stable that is
bootstrap    how far scores might have come out otherwise
influence    what images add to scores of folds, whose models share them
saturation   what a score would come to, had there been images without end
circular     angles
lines        a straight line through points
measures     r and R² as those who ask how sure they are need them
similarity/  how alike two views of the same images are
"""
