"""How alike two views of the same images are: of their distances from one another, or of their inner products.

distances  distances of images from their inner products
sources    views of images, read a block at a time
pairs      all pairs of some images in a row
patterns   responses as views, some vertices at a time
shared     products of vertices that ROIs have in common, made once
measures   what of a pair is compared, and how
kendall    concordant and discordant pairs of pairs
chance     what images in random order give
spread     how far a similarity might have come out otherwise
packing    what of a strip is compared, and held
strips     every pair of many images, some rows at a time
compare    every view with every other
ceilings   how well any view could fit those of several subjects
"""
