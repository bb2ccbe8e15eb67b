"""Networks: where each comes from, its weights and layers, how its images are prepared, and whether it can be tried.

readiness           what networks need of this machine
devices             on what of it networks run
network             what a network is, and how a user asks for it
names               names of networks as people write them
tokens              what a transformer's layers are made of
building            which source a name belongs to
sources/            where networks come from, one file each
offers              what there is to name
compiler            torch's compiler, put off
torchvision_import  torchvision without it
preprocessing       from an image to what a network is fed
stated              what a network states of that
hub                 what the Hugging Face Hub's client has, or fetches
folders             which files of a folder are its weights
other_files         what a file is that is no checkpoint
checkpoints         files of weights as tensors by name
fitting             under which prefix a checkpoint has what a network needs
weights             which weights are meant, and what identifies them
hidden              transformers' hidden states, and their tokens
released            checkpoints of transformers, of any release
numerics            in which precision a network runs
graphs              a network as layers that it can be cut at
in_place            what it does in place, rewritten
layers              layers by name
token_order         whether they stand where its class has them
spread              a few of them, for whoever names none
attention           its queries, keys and values
watched             a network that cannot be cut, watched instead
probing             fixed images that it is tested with
feeding             what images it takes
trial               whether it is a function of its image
opening             a network built, fed and traced
backbones           a network cut at layers, its weights loaded
listing             its layers as a tree
"""
