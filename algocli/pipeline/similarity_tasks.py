"""Similarities on a cluster: a task is a subject, all of whose layers and targets share the same orders of images.

Gram matrices that are missing come first, and are kept as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from algocli.compute.executors.crew import crew_of, values_of
from algocli.compute.executors.specs import Cluster
from algocli.compute.track import Note, silent
from algocli.dataset.digests import stimuli_digest
from algocli.dataset.protocol import Subject
from algocli.encoding.gram_tasks import multiply_stores
from algocli.errors import all_refused
from algocli.features.store.library import find_store
from algocli.pipeline.similarity_asked import Asked
from algocli.results.similarity import Compared, How, compare_views


@dataclass(frozen=True)
class Numbers:
    """The numbers of a comparison, as `Compared` has them: views are what a worker cannot send."""

    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]
    directions: Mapping[int, NDArray[np.float64]]


@dataclass(frozen=True)
class SubjectSimilarity:
    """A subject, whose layers are to be compared with all that was asked for."""

    asked: Asked
    subject: Subject
    how: How

    @property
    def label(self) -> str:
        """The subject."""
        return f"subject {self.subject.id}"

    def run(self, note: Note) -> Numbers:
        """Compare them."""
        found = compare_views(*self.asked.views(self.subject, note), self.how)
        return Numbers(found.values, found.low, found.high, found.p, found.directions)


def compare_on(cluster: Cluster, asked: Asked, subjects: Sequence[Subject], how: How, note: Note) -> list[Compared]:
    """Compare the layers of some subjects side by side, and return what was found, in the subjects' order.

    Raises
    ------
    AlgocliError
        If a Gram matrix could not be made; or of the first subject that could not be compared.
    """
    stores = [
        find_store(asked.cache_dir, name, subject, content, asked.stimuli)
        for subject in subjects
        for content in [stimuli_digest(subject.stimuli, asked.cache_dir, track=asked.track)]
        for name in (*asked.mine, *asked.theirs)
    ]
    # A bar cannot be sent.
    tasks = [SubjectSimilarity(replace(asked, track=silent), subject, how) for subject in subjects]
    with crew_of(cluster, asked.cache_dir, note) as crew:
        n_tasks, refused = multiply_stores(stores, crew, cluster.n_workers, "cpu", asked.track, note)
        if refused:
            raise all_refused(refused, n_tasks, "Gram matrices could not be made")
        outcomes = crew.do(tasks, note, asked.track, label="similarities", unit="subjects")
    return [_whole(asked, subject, found) for subject, found in zip(subjects, values_of(outcomes), strict=True)]


def _whole(asked: Asked, subject: Subject, found: Numbers) -> Compared:
    layers, targets = asked.views(subject)
    numbers = found.values, found.low, found.high, found.p, found.directions
    return Compared(tuple(layers), tuple(targets), layers[0].n_images, *numbers)
