"""Sources of networks, one file each: what their names begin with (`PREFIX`), and `build`, which builds one.

torchvision  torchvision's classifiers
timm         timm's networks
torchhub     a repository on GitHub, or on this disk
python       a callable of one's own
"""
