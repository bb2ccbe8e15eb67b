"""What similarities are asked for: a subject's layers, and what they are compared with, as views of the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from algocli.compute.track import Note, Track, unheard
from algocli.dataset.digests import stimuli_digest
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Hemisphere
from algocli.errors import DataError
from algocli.results.rdm_files import Rdm
from algocli.results.regions import Chosen, classes_of, with_sums
from algocli.results.similarity_table import Kind
from algocli.results.views import Named, first_images, layers_of, people_of, rois_of


@dataclass(frozen=True)
class Asked:
    """What is compared with what."""

    kind: Kind
    mine: Sequence[str]
    theirs: Sequence[str]
    rdms: Sequence[Rdm]
    chosen: Chosen
    side: Hemisphere | None
    cache_dir: Path
    track: Track
    stimuli: Path | None

    def views(self, subject: Subject, note: Note = unheard) -> tuple[list[Named], list[Named]]:
        """Return a subject's layers, and what they are compared with, of the same images."""
        content = stimuli_digest(subject.stimuli, self.cache_dir, track=self.track)
        views = partial(layers_of, stimuli=self.stimuli, track=self.track, note=note)
        layers = views(subject, self.mine, content, self.cache_dir)
        there = min(layer.n_images for layer in layers)
        if self.kind == "ROI":
            classes = with_sums(self.chosen, classes_of([subject]))
            return _first(layers, len(subject.train_stimuli)), rois_of(subject, self.chosen, classes, self.side)
        if self.kind == "RDM":
            n_images = self._n_of_rdms(subject, there)
            return _first(layers, n_images), [item for rdm in self.rdms for item in people_of(rdm)]
        targets = views(subject, self.theirs, content, self.cache_dir)
        n_images = min([there, *(target.n_images for target in targets)])
        return _first(layers, n_images), [replace(item, subject=subject.id) for item in _first(targets, n_images)]

    def _n_of_rdms(self, subject: Subject, n_there: int) -> int:
        """Return how many images RDMs are of: all of a subject's, or those for training."""
        n_train, n_all = len(subject.train_stimuli), len(subject.stimuli)
        for rdm in self.rdms:
            if rdm.n_images not in (n_train, n_all):
                which = f"{n_all} images" if n_train == n_all else f"{n_all} images, {n_train} of them for training"
                raise DataError(f"{rdm.name} is of {rdm.n_images} images; subject {subject.id} has {which}")
        sizes = {rdm.n_images for rdm in self.rdms}
        if len(sizes) > 1:
            raise DataError(f"the RDMs are of {' and '.join(map(str, sorted(sizes)))} images: compare them one by one")
        (n_images,) = sizes
        if n_images > n_there:
            raise DataError(f"the RDMs are of {n_images} images; there are features of the first {n_there} alone")
        return n_images


def _first(layers: Sequence[Named], n_images: int) -> list[Named]:
    return [first_images(layer, n_images) for layer in layers]
