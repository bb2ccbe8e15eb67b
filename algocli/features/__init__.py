"""From images to numbers: each image passes through a network once, into a store on disk.

networks/   networks: their sources, weights, layers and preprocessing
usual       how features are extracted unless told otherwise
reduction   a layer's output made smaller
algebra     large products and decompositions, on a cpu or a GPU
store/      features on disk, their Gram matrices, and the care of both
passage     images passing through networks
room        the room in memory that features take meanwhile
maps        rows and columns of layers, summed up within windows
costs       what large images cost, measured on one of them
pending     what is left to do of all that
extraction  a subject's images through networks, into stores
outlook     what that would take, and how long
imports/    features that another program made, as stores
words/      what is said of images, as stores
rebuilding  a stored layer's network, built again
audit       whether stored features are still what the network says
pictures    the features of a user's own images
axes        what such features have in common with stored ones
"""
