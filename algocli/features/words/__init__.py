"""What is said of images as their features: which categories they show, and what their captions mean.

saying      what a file may say of images, whatever its format
coco        COCO's annotations
tables      plain tables of labels, or of captions
gathering   what several files say of each image of some subjects
outlines    how much of an image things cover together
categories  a number for each category
encoding    captions as the vectors of a text encoder
encoders    an encoder by its name
hf_text     those of transformers
clip_text   the text towers of open_clip
stores      a store made of either
"""
