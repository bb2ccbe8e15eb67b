"""The Natural Scenes Dataset as its authors hand it out, and the way from there to a challenge folder.

tree            where NSD keeps its files
trials          which image each trial showed, and how often test images were shown
betas           responses, averaged over an image's repeats
prepare         a challenge folder made of these
ceiling_files   noise ceilings from elsewhere
ceiling_import  those, put where the organisers have theirs
prf_files       receptive fields that a mapping experiment has measured
coco            the way back to COCO's images
annotations     COCO's annotations in a subject's stimuli
"""
