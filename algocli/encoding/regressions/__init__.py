"""Regressions: from components to responses, one file a kind.

view           what a regression is fitted on
linear         the linear model of components
run_arrays     what regressions leave in runs
regression     what a regression is
ols            ordinary least squares
ridge_model    the model that ridge makes
ridge          a penalty for every vertex
inner_folds    penalties by cross-validation
banded_model   the model that banded ridge makes
banded         a penalty for every layer
banded_search  those penalties searched at random
banded_folds   inner folds made small
blend          one ridge a layer, blended
weighting      the weights of a blend
named_code     a callable of the user's, by its name
python         anyone's estimator with scikit-learn's interface
registry       regressions by name
fitting        components of some images, as the settings ask for them
"""
