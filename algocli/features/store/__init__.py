"""Features on disk: stores keyed by what changes a number, their Gram matrices, and the care of both.

keys        what a store is keyed by
readable    features on disk, read a block of rows at a time
columns     all columns of stores, a block at a time
allocation  a store begun: its arrays and its manifest
manifests   what a store's manifest says
finite      rows that are finite
shards      a store: shards, records, and numbers that no store takes
library     where stores lie, and how to find them
variants    features of one layer, told apart by how they were made
kinds       kinds of features, in whichever caches they lie
choosing    which features are meant
borrowing   features of other caches, read where they lie
commands    which command makes a store again
matrices    what vouches for a matrix
shifted     columns made ready to be multiplied
factor      what a Gram matrix is multiplied from, a block of columns at a time
tiles       a matrix while it is added up, in memory or in groups
gram        inner products of all images
unfinished  those that are being sent there, and were
published   those that lie beside features at an address
column_products  those of single columns' blocks, on their way to a matrix
moments     each image's sum and squares
overview    what a cache holds, a row a store
derived     whether what was derived from stores is what was written
upgrading   how records of earlier versions come to vouch for stores
leftovers   what of it nothing refers to
uploads_left  what was being sent to its addresses, and nobody goes on with
"""
