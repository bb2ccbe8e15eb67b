"""Sets of layers: the models of all their unions, trained in one go."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from algocli.compute.anywhere import Place
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Fold
from algocli.features.store.borrowing import borrow
from algocli.pipeline.borrowing import filling_cache
from algocli.results.partition import SubjectParts, read_parts
from algocli.results.sure_parts import Resampling, check_enough
from algocli.runs.datasets import Home
from algocli.runs.done import Asked
from algocli.runs.run import Run
from algocli.runs.splitting import find_sameness
from algocli.runs.unions import measure_features, open_unions, train_unions, with_usual_components
from algocli.stats.partition import FeatureSet, Names


def train_sets(
    subjects: Sequence[Subject],
    sets: Sequence[FeatureSet],
    settings: Settings,
    how: Resampling | None,
    lenders: Sequence[Place],
    cache_dir: Path,
    stimuli: Path | None,
    *,
    usual_components: bool,
    track: Track,
    note: Note,
) -> tuple[dict[Names, Run], list[tuple[Subject, SubjectParts]]]:
    """Train the model of every union of some sets, or find it done; return the runs, and each subject's parts."""
    numbers = [subject.id for subject in subjects]
    if lenders:
        with filling_cache(cache_dir, note):
            borrow(cache_dir, lenders, settings.features, numbers)
    # Whatever is missing is told before the first of many models is trained.
    n_features = measure_features(subjects, settings.features, cache_dir, stimuli, track=track)
    home = Home.of(subjects, cache_dir, track)
    settings = settings.seen_at(home.image_width)
    split = [fold for subject in subjects for fold in _folds(subject, settings, home, track)]
    if usual_components:
        settings = with_usual_components(settings, split)
    if how is not None:
        check_enough(split)
    parts: list[tuple[Subject, SubjectParts]] = []
    with filling_cache(cache_dir, note):
        asked = Asked(subjects, home, stimuli, track)
        runs = open_unions(cache_dir, sets, settings, n_features, asked, note=note)
        for subject in subjects:
            train_unions(
                subject, runs, cache_dir, home=home, stimuli=stimuli, command_line=sys.argv, track=track, note=note
            )
            parts.append((subject, read_parts(subject, runs, track=track)))
    return runs, parts


def _folds(subject: Subject, settings: Settings, home: Home, track: Track) -> list[Fold]:
    return find_sameness(subject, settings, home, home.cache_dir, track).split(settings).folds
