"""What each kind of figure shows, one figure a subject, made as it is asked for, or one of a group.

request       how a figure is wished for
rois          where things lie
accuracy      how well a run explains the cortex
ceilings      how close that comes to the noise ceiling
fields        where in the visual field vertices see
field_charts  what receptive fields of an area have in common
difference    where one run is better than another
curves        how much better models are that see more images
layers        which layer explains what best
swept         the same of a sweep
similarity    how similar layers are to ROIs, RDMs or layers
responses     what single images do
group_maps    the same of a group: on fsaverage
group_charts  the same of a group: by ROI
group_layers  the same of a group: layers
group_fields  the same of a group: receptive fields
"""
