"""Features on disk: stores keyed by what changes a number, their Gram matrices, and the care of both.

keys        what a store is keyed by
readable    features on disk, read a block at a time
shards      a store: shards, records, and numbers that no store takes
library     where stores lie, and how to find them
commands    which command makes a store again
gram        inner products of all images
overview    what a cache holds, a row a store
leftovers   what of it nothing refers to
"""
