"""Sources of networks, one file each: what their names begin with (`PREFIX`), and `build`, which builds one.

Those that know what they have say of a name whether they have it (`has`; if not, `NONE` is what is told), and list all
with their sizes (`offered`). Those that have transformers tell where the tokens of a module are (`read_tokens`:
`algocli.features.networks.tokens` says how), and let one take images of another side, in place (`resize`, which says
whether the module was one of its own). Those whose weights lie elsewhere return the files of these (`fetch`). One that
reads files of weights by itself says so (`READS_FILES`).

torchvision  torchvision's classifiers
timm         timm's networks
hf           those of transformers
open_clip    image towers of open_clip
torchhub     a repository on GitHub, or on this disk
python       a callable of one's own
"""
