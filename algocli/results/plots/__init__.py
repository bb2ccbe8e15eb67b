"""What each kind of figure shows, one figure a subject, made one after the other as they are asked for.

request     how a figure is wished for
rois        where things lie
accuracy    how well a run explains the cortex
ceilings    how close that comes to the noise ceiling
difference  where one run is better than another
layers      which layer explains what best
responses   what single images do
"""
