"""Features on disk: stores keyed by what changes a number, their Gram matrices, and the care of both.

keys        what a store is keyed by
finite      numbers that no store takes
shards      a store: shards, records, blocks
readable    features read a block at a time
library     where stores lie, and how to find them
commands    which command makes a store again
columns     a store read column by column
gram        inner products of all images
gram_audit  whether a kept Gram matrix belongs to its features
overview    what a cache holds, a row a store
leftovers   what of it nothing refers to
"""
