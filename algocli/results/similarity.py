"""How similar layers are to ROIs, to other networks' layers and to RDMs: by subject, and over subjects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track, silent
from algocli.dataset.naming import SubjectId
from algocli.errors import DataError
from algocli.results.telling import Correction
from algocli.results.views import Named
from algocli.stats.groups import flip_signs, mean_of_subjects
from algocli.stats.similarity.ceilings import noise_ceiling
from algocli.stats.similarity.chance import p_of_chance
from algocli.stats.similarity.compare import compare
from algocli.stats.similarity.distances import Distance
from algocli.stats.similarity.measures import Measure, direction, is_of_distances, pairs_of
from algocli.stats.similarity.sources import View

_NAMES: dict[Measure, str] = {
    "spearman": "Spearman's rho",
    "pearson": "Pearson's r",
    "kendall": "Kendall's tau-a",
    "cosine": "cosine",
    "cka": "CKA",
    "cka-unbiased": "CKA (unbiased)",
}
_DISTANCES: dict[Distance, str] = {
    "correlation": "1 - Pearson's r",
    "euclidean": "Euclidean distance",
    "cosine": "1 - cosine",
}


@dataclass(frozen=True)
class How:
    """By what views are compared, and how it is told how sure that is."""

    measure: Measure = "spearman"
    distance: Distance = "correlation"
    n_permutations: int = 1000
    seed: int = 0
    correct: Correction = "none"

    @property
    def told(self) -> str:
        """What is compared, in words."""
        words = _NAMES[self.measure]
        return f"{words} of RDMs ({_DISTANCES[self.distance]})" if is_of_distances(self.measure) else f"linear {words}"

    @property
    def short(self) -> str:
        """The measure by its name alone."""
        return _NAMES[self.measure]


@dataclass(frozen=True)
class SimilarityRow:
    """How similar one layer is to one ROI, RDM or layer of another network, for one subject.

    `low` and `high` bound the 95 % interval, had the subject seen other such images; all but names and counts are None
    where the ROI is absent.
    """

    subject: SubjectId | None
    layer: str
    target: str
    measure: str
    distance: str | None
    n_images: int
    n_vertices: int | None
    similarity: float | None
    low: float | None
    high: float | None
    p: float | None
    features: str
    model: str
    weights: str


@dataclass(frozen=True)
class GroupSimilarityRow:
    """The same over subjects.

    Attributes
    ----------
    mean, sd, se, low, high, p
        Of subjects' similarities: their mean with its 95 % interval, had it been other subjects who saw these images;
        p is one-sided, by flips of whole subjects' signs.
    with_mean, with_mean_p
        The similarity with the mean of all subjects' RDMs as they are, and its p by images in random order.
    ceiling_low, ceiling_high
        Between which the mean lies that no layer could surpass; None where subjects saw different images.
    """

    layer: str
    target: str
    measure: str
    distance: str | None
    n_subjects: int
    mean: float | None
    sd: float | None
    se: float | None
    low: float | None
    high: float | None
    p: float | None
    with_mean: float | None
    with_mean_p: float | None
    ceiling_low: float | None
    ceiling_high: float | None
    features: str
    model: str
    weights: str


@dataclass(frozen=True)
class Compared:
    """Layers and what they were compared with, all of the same images; a target may be one of several subjects'.

    Attributes
    ----------
    values, low, high, p : (n_layers, n_targets)
        NaN where a target is absent.
    directions
        Of the targets that are there, by their place, over the pairs of the images that tell how sure it is.
    """

    layers: tuple[Named, ...]
    targets: tuple[Named, ...]
    n_images: int
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]
    directions: Mapping[int, NDArray[np.float64]]


def compare_views(layers: Sequence[Named], targets: Sequence[Named], how: How, *, track: Track = silent) -> Compared:
    """Compare layers with what there is of targets.

    Raises
    ------
    DataError
        If there is nothing of any.
    """
    there = [place for place, target in enumerate(targets) if target.view is not None]
    views, others = ([item.view for item in some if item.view is not None] for some in (layers, targets))
    if not others:
        raise DataError(f"{targets[0].name} and all others to compare with are absent, or have hardly a vertex")
    result = compare(
        views, others, how.measure, how.distance, n_permutations=how.n_permutations, seed=how.seed, track=track
    )
    p = p_of_chance(result.chance, result.of_sample, how.correct)

    def whole(some: NDArray[np.float64]) -> NDArray[np.float64]:
        cells = np.full((len(layers), len(targets)), np.nan)
        cells[:, there] = some
        return cells

    return Compared(
        tuple(layers),
        tuple(targets),
        views[0].n_images,
        whole(result.values),
        whole(result.low),
        whole(result.high),
        whole(p),
        dict(zip(there, result.second, strict=True)),
    )


def rows_of(compared: Compared, how: How) -> Iterator[SimilarityRow]:
    """Yield every cell, target by target and there layer by layer; what is a mean of subjects is none's."""
    distance = how.distance if is_of_distances(how.measure) else None
    for column, target in enumerate(compared.targets):
        for row, layer in enumerate(compared.layers if not target.is_mean else ()):
            yield SimilarityRow(
                subject=target.subject,
                layer=layer.name,
                target=target.name,
                measure=how.measure,
                distance=distance,
                n_images=compared.n_images,
                n_vertices=target.n_vertices,
                similarity=_told(compared.values[row, column]),
                low=_told(compared.low[row, column]),
                high=_told(compared.high[row, column]),
                p=_told(compared.p[row, column]),
                **layer.whose,
            )


def _told(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def over_subjects(
    all_compared: Sequence[Compared], how: How, same: Sequence[NDArray[np.int64]] = ()
) -> list[GroupSimilarityRow]:
    """Sum up over subjects, target by target and there layer by layer.

    Parameters
    ----------
    all_compared
        One that has the RDMs of several, or one for each subject.
    same
        For each subject the places of the images that all of them saw, in one order; empty where these are too few.
    """
    names = dict.fromkeys(target.name for compared in all_compared for target in compared.targets)
    return [row for name in names for row in _of_target(name, all_compared, how, same)]


def _of_target(
    name: str, all_compared: Sequence[Compared], how: How, same: Sequence[NDArray[np.int64]]
) -> Iterator[GroupSimilarityRow]:
    """Yield a row for each layer of what subjects say of one target."""
    places = [
        [place for place, item in enumerate(each.targets) if item.name == name and not item.is_mean]
        for each in all_compared
    ]
    scores = np.concatenate([each.values[:, some] for each, some in zip(all_compared, places, strict=True)], axis=1).T
    summed, flips = mean_of_subjects(scores), flip_signs(scores, "greater", seed=how.seed)
    layers, first = all_compared[0].layers, all_compared[0]
    with_mean = with_mean_p = np.full(len(layers), np.nan)
    if len(all_compared) == 1:
        directions = [first.directions[place] for place in places[0] if place in first.directions]
        for place, item in enumerate(first.targets):
            if item.name == name and item.is_mean:
                with_mean, with_mean_p = first.values[:, place], first.p[:, place]
    else:
        views = [each.targets[place].view for each, some in zip(all_compared, places, strict=True) for place in some]
        directions = [
            _direction(view, images, how) for view, images in zip(views, same, strict=False) if view is not None
        ]
    ceiling = noise_ceiling(np.stack(directions), how.measure) if len(directions) > 1 else None
    for row, layer in enumerate(layers):
        n = int(summed.n_subjects[row])
        yield GroupSimilarityRow(
            layer=layer.name,
            target=name,
            measure=how.measure,
            distance=how.distance if is_of_distances(how.measure) else None,
            n_subjects=n,
            mean=_told(summed.mean[row]),
            sd=_told(summed.sd[row]),
            se=_told(summed.sd[row] / np.sqrt(max(n, 1))),
            low=_told(summed.low[row]),
            high=_told(summed.high[row]),
            p=_told(flips.p[row]),
            with_mean=_told(with_mean[row]),
            with_mean_p=_told(with_mean_p[row]),
            ceiling_low=None if ceiling is None else ceiling.low,
            ceiling_high=None if ceiling is None else ceiling.high,
            **layer.whose,
        )


def _direction(view: View, images: NDArray[np.int64], how: How) -> NDArray[np.float64]:
    """Return the direction of a view of some images."""
    matrix = view.among(images, how.distance if is_of_distances(how.measure) else None)
    return direction(matrix, how.measure, pairs_of(len(images), how.measure))
