"""Features that another program made: read from its files, matched to images, kept as stores like any other."""
