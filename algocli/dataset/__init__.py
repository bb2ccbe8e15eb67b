"""Experiments: who saw which images, what each vertex answered, which ROI it belongs to, how much of it is noise."""
