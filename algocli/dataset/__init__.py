"""Experiments: who saw which images, what each vertex answered, which ROI it belongs to, how much of it is noise.

sides        left and right, training and test
naming       what a subject is called
stimuli      an image: its split, its id, its file
protocol     what a dataset and its subjects are to the rest
rois         ROIs as people name them
images       where a subject's images are read from
ids          tables that say which image a row belongs to
pngs         PNG files: sound or not, and their pixels
pixels       any image file as 8-bit RGB
levels       numbers of another depth as levels from 0 to 255
conversions  what that took, in words
hdf5         HDF5 files of other programs
hdf5_links   what such a file takes from others
arrays       .npy files, opened without running them
memories     what was said of files, remembered
digests      digests of images, remembered
copies       images that are the same
vouched      whether a file still is what its record says
ceilings     noise ceilings: what any model could explain
plain        a subject of a dataset of one's own
challenge/   the organisers' folders, and what is wrong with a copy
nsd/         NSD's own files, and the way from there to a challenge folder
kinds/       the kinds of datasets there are, one file a kind
opening      a folder as the dataset that it is
"""
