"""What layers, ROIs and other people's RDMs are as views of the same images, which similarities compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, refuse_not_finite, take
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side, asked_sides
from algocli.features.store.gram import gram
from algocli.features.store.library import find_store, read_recipe
from algocli.features.store.moments import moments
from algocli.features.store.shards import FeatureStore
from algocli.results.rdm_files import Rdm
from algocli.results.regions import Chosen, regions
from algocli.stats.similarity.patterns import Patterns
from algocli.stats.similarity.sources import Given, Products, View

# Images whose responses are read at once.
_ROWS = 1024
# Two numbers always correlate, and one never.
FEWEST_VERTICES = 3


@dataclass(frozen=True)
class Named:
    """A view by what it is called, and what rows tell of where it comes from.

    Attributes
    ----------
    view
        None where there is nothing to be compared, as of a ROI that is absent.
    whose
        Of a layer its features, network and weights.
    roi_class
        What it stands under in a table.
    subject
        Whose it is: of a layer nobody's, and of an RDM perhaps neither.
    is_mean
        Whether it is the mean of subjects.
    """

    name: str
    view: View | None
    whose: Mapping[str, Any] = field(default_factory=dict)
    roi_class: str = ""
    n_vertices: int | None = None
    subject: SubjectId | None = None
    is_mean: bool = False

    @property
    def n_images(self) -> int:
        """Of how many images it is; 0 where there is nothing."""
        return 0 if self.view is None else self.view.n_images


def layers_of(
    subject: Subject,
    features: Sequence[str],
    content: str,
    cache_dir: Path,
    *,
    stimuli: Path | None = None,
    device: str = "cpu",
    track: Track = silent,
    note: Note = unheard,
) -> list[Named]:
    """Return layers of networks as views of a subject's images, named as shortly as tells them apart.

    Parameters
    ----------
    content
        The digest of the images.
    stimuli
        What they were read from, where that was done from several places.

    Raises
    ------
    MissingStep
        If the subject has no such features.
    DataError, StorageError
        If they are damaged, or the cache cannot be written.
    """
    return [
        Named(name, _products(find_store(cache_dir, item, subject, content, stimuli), device, track, note), whose)
        for (name, whose), item in zip(_names(features, cache_dir), features, strict=True)
    ]


def _products(store: FeatureStore, device: str, track: Track, note: Note) -> Products:
    matrix = gram(store, device=device, track=track, note=note)

    def read(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        if _is_run(rows) and _is_run(columns):
            # What is mapped is let go at once: all that was touched of it would count as this program's.
            part = matrix.rows(slice(int(rows[0]), int(rows[-1]) + 1))
            return np.array(part[:, int(columns[0]) : int(columns[-1]) + 1])
        return matrix.block(rows, columns)

    diagonal = np.concatenate(
        [matrix.diagonal(np.arange(rows.start, rows.stop)) for rows in blocks(matrix.n_stimuli, _ROWS)]
    )
    return Products(read, diagonal, lambda: moments(store, matrix.folder, track=track))


def _is_run(places: NDArray[np.int64]) -> bool:
    return bool(len(places) and places[-1] - places[0] == len(places) - 1 and (np.diff(places) == 1).all())


def _names(features: Sequence[str], cache_dir: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return what to call some features, and what is known of each."""
    recipes = [read_recipe(cache_dir / "features" / name) for name in features]
    several = len({recipe["model"] for recipe in recipes}) > 1
    names = [f"{recipe['model']} {recipe['layer']}" if several else str(recipe["layer"]) for recipe in recipes]
    if len(set(names)) < len(names):
        names = list(features)
    return [
        (name, {"features": item, "model": recipe["model"], "weights": recipe["weights"]})
        for name, item, recipe in zip(names, features, recipes, strict=True)
    ]


def first_images(named: Named, n_images: int) -> Named:
    """Return a view of features as one of the first images alone."""
    view = named.view
    assert isinstance(view, Products)  # a layer's
    some = slice(0, n_images)
    fewer = Products(view.read, view.diagonal[some], lambda: view.moments().at(some))
    return Named(named.name, fewer, named.whose)


def rois_of(
    subject: Subject, chosen: Chosen, classes: Mapping[str, str], hemisphere: Side | None = None
) -> list[Named]:
    """Return ROIs as views of a subject's training images: the vertices of all sides together, or of one.

    Raises
    ------
    DataError
        If responses are missing or damaged, or not finite.
    """
    sides = asked_sides(subject.sides, None if hemisphere is None else [hemisphere])
    of = {side: regions(subject, side, chosen) for side in sides}
    starts = dict(zip(sides, np.cumsum([0, *(subject.n_vertices(side) for side in sides)]), strict=False))
    read, n_images = _responses(subject, starts), len(subject.train_stimuli)
    result = []
    for name in chosen:
        places = [start + of[side].get(name, np.empty(0, np.int64)) for side, start in starts.items()]
        vertices = np.sort(np.concatenate(places))
        view = Patterns(n_images, vertices, read) if len(vertices) >= FEWEST_VERTICES else None
        result.append(Named(name, view, roi_class=classes.get(name, ""), n_vertices=len(vertices), subject=subject.id))
    return result


def _responses(
    subject: Subject, starts: Mapping[Side, int]
) -> Callable[[NDArray[np.int64] | None, NDArray[np.int64]], NDArray[np.floating]]:
    """Return what reads responses to training images; vertices are counted through all sides, from the starts of each.

    Rows are read a block at a time, and a file is opened anew for each: what has been touched of a map stays in memory
    as long as it does.
    """
    n_images = len(subject.train_stimuli)

    def read(images: NDArray[np.int64] | None, vertices: NDArray[np.int64]) -> NDArray[np.floating]:
        part = np.empty((n_images if images is None else len(images), len(vertices)), np.float32)
        ends = np.searchsorted(vertices, [*starts.values(), np.iinfo(np.int64).max])
        for (side, start), first, stop in zip(starts.items(), ends, ends[1:], strict=False):
            columns = vertices[first:stop] - start
            for rows in blocks(len(part) if len(columns) else 0, _ROWS):
                responses = subject.responses("train", side)
                some = responses[rows][:, columns] if images is None else take(responses, images[rows], columns)
                part[rows, first:stop] = some
            refuse_not_finite(subject.responses_name("train", side), part[:, first:stop])
        return part

    return read


def people_of(rdm: Rdm) -> list[Named]:
    """Return the views of everyone whose distances an RDM has, and that of their mean."""
    if len(rdm.of_subjects) == 1:
        return [Named(rdm.name, Given(rdm.of_subjects[0]))]
    people = [Named(rdm.name, Given(matrix), subject=number) for number, matrix in enumerate(rdm.of_subjects, start=1)]
    return [*people, Named(rdm.name, Given(rdm.of_subjects.mean(axis=0)), is_mean=True)]
