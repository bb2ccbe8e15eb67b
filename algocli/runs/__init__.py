"""A training on disk: opened, filled, found again, and asked for new predictions.

manifest        which settings a run has
commands        which command trains a run again
latest          which run is meant where none is named
run             a run's folder and its record
vouched_arrays  the arrays of a subject, and the record that vouches for them
subject_run     one subject of a run: what they say
finding         runs found again, by name or by pattern
datasets        which data a run is of
aside           where a subject is made until it is whole
claims          whose the name of a run is until something of it is whole
opening         the run that a training goes into
splitting       which images a training fits and holds out
training        fits a subject's model into a run
done            models that are there already, whatever their runs are called
unions          the runs that a variance partition needs
mixtures        what the subjects of a run may not have in common
networks        which networks and layers a run is of, and whether they learned anything
meanwhile       begins anew where a run is trained again while it is read
scored_images   on which images a run was scored
p_values        p values kept with a run
refitting       the models of a run, fitted once more
predictor       what a run predicts for new images
between_folds   how models of folds depend on each other
inner_scores    how well a run predicts within the images that it fits
growing         models of more and more images, in the place of a run's
audit           whether runs are what their trainings left
upgrading       how records of earlier versions come to vouch for runs
leftovers       what of a cache no run refers to
"""
