"""Figures: what a picture shows, what its colours mean, and the strokes that make it.

loading      matplotlib, whatever its user's settings are
chart        a figure, and the data that it shows
style        typography, colours, words around a figure
colour_maps  colour maps by name
keys         what colours mean
brain_map    what a map shows
arrangement  views, and where each stands
raster       a mesh seen from one side
painting     the cortex in pixels
outline      borders of ROIs as lines
names        where the names of ROIs go
maps         a map, drawn
roi_axis     ROIs side by side on an axis
charts       bars by ROI
run_bars     bars of several runs
dots         a dot for each subject, and their mean
density      counts of vertices in a field
size_lines   sizes of receptive fields over eccentricity
coverage     what areas see of the visual field
learning     scores over numbers of images
heatmap      layers by ROI
"""
