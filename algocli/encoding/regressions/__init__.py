"""Regressions: from components to responses, one file a kind.

models          what fitting makes, and leaves in a run
view            what a model is fitted on
regression      what a regression is
ols             ordinary least squares
ridge_model     the model that ridge makes
left_out        errors of images left out, components and all
inner_folds     penalties by folds that keep the components
refitted_folds  penalties by folds with components of their own
ridge           a penalty for every vertex
banded_folds    inner folds made small
banded_search   penalties of layers searched at random
banded          a penalty for every layer
weighting       the weights of a blend
blend           one ridge a layer, blended
field_model     a window on the image for every vertex, and weights within it
field_sums      what windows and vertices have in common, of several fits at once
field_peak      where between windows a vertex looks
field_search    the best window and penalty for every vertex
field_pace      how long that takes
windowed        what regressions on receptive fields have in common
field_blend     receptive fields of each layer, or beside ridge, blended
fields          receptive fields
named_code      a callable of the user's, by its name
python          anyone's estimator with scikit-learn's interface
registry        regressions by name
"""
