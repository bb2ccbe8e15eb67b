"""What a run shows: tables, charts, maps of the cortex, and files for other programs.

telling           figures and sentences, said alike everywhere
how_sure          what scores, intervals and p mean and rest on
data_of_runs      the data that a run was trained on
data              those of several subjects as one dataset
scoring           scores of every vertex
regions           the vertices of ROIs
rows              what all tables of ROIs have in common
held_out          measured and predicted, some vertices at a time
significance      which vertices are better than chance
resampling        mean scores of ROIs, had other images been shown
redrawing         that of one holdout: scores computed again in every resample
certainty         both, as a report asks for them
certainty_tasks   the same on a cluster
field_layers      whose windows are meant where layers have their own
receptive_fields  which part of an image each vertex sees
report_rows       rows of scores by ROI
report            scores by ROI
over_subjects     medians over subjects
choosing          what it does to a score to be the best of several
group_scores      numbers over subjects
group             what subjects' scores say of all people
group_report      a run over subjects
nested_rows       rows of a choice between runs, scored by images that had no part in it
difference_rows   rows of runs side by side
ranked            many runs in order
compare           runs side by side
prf               receptive fields beside measured ones
swept             networks, layers and settings in order
sure_choices      how sure the score of a choice is
nested            the choice: the best run of each ROI, in inner folds
group_compare     runs over subjects, and which is best
part_rows         rows of explained variance in parts
sure_parts        their intervals, and which are more than chance
partition         explained variance in parts, by vertex and by ROI
group_partition   parts over subjects
rdm_files         RDMs that others have measured
views             layers, ROIs and RDMs as views of the same images
similarity        how similar they are, by subject and over subjects
similarity_table  the same as rows, arrays and files
curve_rows        rows of learning curves
curve_scores      those of one subject's models
curve_tasks       the same on a cluster
curve             how much better models are that see more images
layer_names       what layers are called
layered           what speaks for each layer at each vertex
best_layer        which layer speaks most, by vertex and by ROI
group_layers      the same over subjects
predicted         predicted responses to new images
mesh_files        where the files of a surface lie
surface           the cortex as a mesh
on_mesh           where a subject's vertices are on it
group_places      where several subjects' vertices meet on it
drawing/          figures, stroke by stroke
plots/            what each kind of figure shows
page/             web pages
map_files         files of a map on the mesh
export_maps       maps for Workbench and FreeSurfer
export_group      the same over subjects
export            arrays and tables
export_folder     where they lie: one export at a time, and nothing of an earlier one between its files
"""
