"""The challenge as the organisers hand it out: their folders, what is wrong with a copy, ceilings from elsewhere.

layout           where each file lies, and how large it officially is
image_names      images by their names, and NSD's ids in all their forms
roi_masks        which vertices count, and which ROI each is in
subjects         a folder and its subjects
findings         what a check finds
check_images     images: names, order, soundness
check_masks      masks: which vertices count, and their ROIs
check_responses  responses and noise ceilings, every number
check_sameness   images that are the same, under two ids or with several subjects
check            a whole folder, and everything that is wrong with it
"""
