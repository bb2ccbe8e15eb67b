"""Three subjects whose vertices overlap in part, and runs on them, read again from their files by hand."""

from __future__ import annotations

import numpy as np

from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from tests.results.by_hand import N_VALIDATION, n_vertices
from tests.support.challenge import write_tiny_challenge

SUBJECTS = (1, 2, 3)
SIDES = {"left": "lh", "right": "rh"}
N_MESH = 10_242


def place(subject, hemisphere):
    """Return where a subject's vertices are: subject 3 begins 20 places after subject 1."""
    return 100 + 10 * (subject - 1) + np.arange(n_vertices(subject, hemisphere))


def write_group(folder, subjects=SUBJECTS, at=place):
    """Write a challenge whose subjects overlap in part."""
    write_tiny_challenge(folder, subjects, image_size=8)
    for subject in subjects:
        for hemisphere, side in SIDES.items():
            mask = np.zeros(163_842, np.int64)
            mask[at(subject, hemisphere)] = 1
            np.save(folder / f"subj{subject:02d}/roi_masks/{side}.all-vertices_fsaverage_space.npy", mask)
    return Challenge(folder)


def write_group_run(cache, name, layer="features.2", subjects=SUBJECTS, shift=0.0):
    """Write a run of one layer whose r are random, above 0 but for a few, and its own."""
    run = open_run(cache, name, Settings(features=(f"alexnet-{layer}-1a2b3c4d",), regression="ridge"))
    for subject in subjects:
        rng = np.random.default_rng([len(name), *name.encode(), subject])
        share = run.start_subject(subject)
        for hemisphere in SIDES:
            n = n_vertices(subject, hemisphere)
            r = rng.uniform(-0.1, 0.7, n) + shift
            share.save(f"{hemisphere}_correlation", r)
            share.save(f"{hemisphere}_fold_correlation", r[None])
            share.save(f"{hemisphere}_pred_validation", rng.standard_normal((N_VALIDATION, n)).astype(np.float32))
        share.save("validation_rows", np.arange(N_VALIDATION))
        share.save("validation_folds", np.zeros(N_VALIDATION, np.int64))
        share.finish({"finished_at": 1e9})
    return run


def r_of(run, subject, hemisphere):
    """Read r from the run's own file."""
    return np.load(run.folder / f"subj{subject:02d}/{hemisphere}_correlation.npy")


def stacked(values, hemisphere, subjects=SUBJECTS, at=place):
    """Put a value a vertex of each subject on the mesh, (n_subjects, 10242), NaN elsewhere."""
    full = np.full((len(subjects), N_MESH), np.nan)
    for row, subject in enumerate(subjects):
        full[row, at(subject, hemisphere)] = values(subject, hemisphere)
    return full


def mean_where(full, least=2):
    """Average over rows by hand where enough of them are known."""
    n = np.isfinite(full).sum(axis=0)
    total = np.where(np.isfinite(full), full, 0).sum(axis=0)
    return np.where(n >= least, total / np.maximum(n, 1), np.nan)
