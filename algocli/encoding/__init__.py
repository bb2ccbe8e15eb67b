"""From numbers to responses: splits, components, regressions, and the models that come of them.

fields        what can be decided about a model, field by field
usual         what a model is unless told otherwise
settings      what a user decides about a model
presets       settings under a name
windows       windows on an image, in degrees
names         names of runs, from settings
splits        which images are fitted on, which held out
eigen         leading eigenpairs
components    principal components of any images
stacked       those of several layers side by side
stored        features as they are, in the place of components
loadings      what components and vertices have in common
regressions/  from components to responses, one file a kind
kernels       the Gram matrices that components come from, and views of images by them
memory        what a training takes at the most
gram_tasks    Gram matrices made on a cluster, large ones in blocks of columns
reach         how many components few images allow
training      the models of one subject
subsets       models of some of the images, drawn by chance
outputs       what they leave in a run
new_images    scores of images that are no subject's own
"""
