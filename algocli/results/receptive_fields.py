"""What a run has found each vertex to see: its window on the image, and what windows of an ROI have in common.

A window is a Gaussian in degrees of visual angle: its centre lies to the right of the image's middle by x and above it
by y, and its size is the standard deviation. A vertex has one where it explains more than the whole image does, by a
margin; of all others nothing is told but that. Windows that are tried lie on a grid; what is told is where between them
the error would be least, where the run knows it (`encoding/regressions/field_peak.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.encoding.settings import Settings
from algocli.encoding.windows import windows_of
from algocli.errors import DataError, UsageError
from algocli.results.field_layers import layers_apart, place_of, read_weights, take_heaviest
from algocli.runs.commands import again
from algocli.runs.finding import list_runs
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun
from algocli.stats.circular import mean_angle

# What a run has of each window, in its order.
_ROWS = ("x", "y", "size", "margin")
ARRAY = "field"
# And where between windows the error would be least: the first three. Runs of versions before have none.
_PEAK = "field_peak"


@dataclass(frozen=True)
class VertexFields:
    """The windows of a hemisphere, each (n_vertices,).

    Attributes
    ----------
    x, y, size
        Centre and standard deviation in degrees, between those of the windows that were tried, if the run tells that;
        NaN where a vertex has no window.
    margin
        By what share of the error that the whole image leaves the window leaves less, by generalised cross-validation;
        0 where the whole image is as good, NaN where a vertex has no responses.
    at_rim : bool, or None
        Whether the centre of the window that was tried is as far out, to a side, up or down, as any of about its size:
        what such a vertex sees may lie beyond the image. None where the run does not tell what was tried.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    size: NDArray[np.float64]
    margin: NDArray[np.float64]
    at_rim: NDArray[np.bool_] | None

    @cached_property
    def has_window(self) -> NDArray[np.bool_]:
        """Whether each vertex has a window that explains more than the whole image."""
        return ~np.isnan(self.x)

    @cached_property
    def eccentricity(self) -> NDArray[np.float64]:
        """Degrees from the image's middle to each centre."""
        return np.hypot(self.x, self.y)

    @cached_property
    def angle(self) -> NDArray[np.float64]:
        """Where each centre lies around the middle, in degrees from 0 to 360: 0 to the right, 90 up, 180 to the left.

        NaN of a window in the very middle, which lies in no direction.
        """
        turned = np.degrees(np.arctan2(self.y, self.x)) % 360
        return np.where(self.eccentricity > 0, turned, np.nan)

    def maps(self) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Yield what files have of each vertex, (n_vertices,), by the names that maps of receptive fields go by."""
        yield "prfangle", self.angle
        yield "prfeccentricity", self.eccentricity
        yield "prfsize", self.size
        yield "prfx", self.x
        yield "prfy", self.y
        yield "prfmargin", self.margin

    def sum_up(self, vertices: NDArray[np.int64]) -> dict[str, Any]:
        """Say what some vertices have in common, by the columns of a report; None where they have no window.

        Angles have a mean, as they have no order that would give them a median.
        """
        here = vertices[self.has_window[vertices]]
        share = len(here) / len(vertices) if len(vertices) else np.nan
        known = self.angle[here]
        numbers = {
            "field_share": share,
            "median_eccentricity": _median(self.eccentricity[here]),
            "mean_angle": mean_angle(known[~np.isnan(known)]),
            "median_size": _median(self.size[here]),
            "median_margin": _median(self.margin[here]),
            "rim_share": float(self.at_rim[here].mean()) if len(here) and self.at_rim is not None else np.nan,
        }
        return {name: None if np.isnan(value) else float(value) for name, value in numbers.items()}


# What a report has of the windows of an ROI.
COLUMNS = ("field_share", "median_eccentricity", "mean_angle", "median_size", "median_margin", "rim_share")


def combine(fits: NDArray[np.floating], *, refit: bool) -> NDArray[np.float64]:
    """Make one window of those that several fits have found for each vertex.

    Parameters
    ----------
    fits : (n_fits, 4, n_vertices)
        x, y, size and margin; the folds in order and then the refit.
    refit
        Whether the last is that of all images, which stands for all; else a vertex has a window where more than half
        of the folds give it one, and each of the four is the median of theirs. Centres are taken apart into x and y,
        so that those on either side of the right horizontal have one between them.

    Returns
    -------
    (4, n_vertices) float64
        x, y and size are NaN where there is no window, margin NaN where nobody knows.
    """
    every = np.asarray(fits, dtype=np.float64)[-1:] if refit else np.asarray(fits, dtype=np.float64)
    has = every[:, 3] > 0
    mostly = 2 * has.sum(axis=0) > len(every)
    combined = np.full(every.shape[1:], np.nan)
    combined[:, mostly] = np.nanmedian(np.where(has[:, None], every, np.nan)[:, :, mostly], axis=0)
    combined[3, ~mostly & ~np.isnan(every[:, 3]).all(axis=0)] = 0
    return combined


def has_fields(subject_run: SubjectRun) -> bool:
    """Say whether a subject's run has found windows."""
    return any(subject_run.has_array(f"{side}_{ARRAY}") for side in subject_run.sides)


def read_fields(
    run: Run, subject: SubjectId, hemisphere: Side, n_vertices: int, layer: str | None = None
) -> VertexFields:
    """Read the windows of a hemisphere's vertices: the refit's or, where there is none, those of the folds together.

    Parameters
    ----------
    layer
        Where each layer has windows of its own, whose are meant, as `name_layers` calls it; by default at each vertex
        those of the layer that weighs most, and none where no layer weighs anything.

    Raises
    ------
    UsageError
        If the run has found none, or none of the layer.
    DataError
        If they are damaged, or of another number of vertices.
    MissingStep
        If the run has not been trained on the subject.
    """
    subject_run = run.subject(subject)
    if not has_fields(subject_run):
        raise _no_fields(run)
    place, layers = place_of(run, layer), layers_apart(run)
    apart = (len(layers),) if layers else ()
    fits = _read(subject_run, hemisphere, ARRAY, (*apart, len(_ROWS), n_vertices))
    told = fits.copy()
    if subject_run.has_array(f"{hemisphere}_{_PEAK}"):
        told[..., :3, :] = _read(subject_run, hemisphere, _PEAK, (*apart, 3, n_vertices), len(fits))
    weights = read_weights(run, subject, hemisphere, (len(layers), n_vertices)) if layers and place is None else None
    tried, (x, y, size, margin) = (_one_window(run, each, place, weights) for each in (fits, told))
    return VertexFields(x, y, size, margin, _at_rim(run.settings, *tried[:3]))


def _read(
    subject_run: SubjectRun, hemisphere: Side, name: str, shape: tuple[int, ...], n_fits: int | None = None
) -> NDArray[Any]:
    """Read an array of all fits, (n_fits, *shape); refuse one of another shape, or of so many others."""
    fits = subject_run.of_regression(name, hemisphere)
    if fits.shape[1:] != shape or not len(fits) or len(fits) != (n_fits or len(fits)):
        raise DataError(
            f"the {hemisphere} receptive fields of the run's subject {subject_run.id} are of shape {fits.shape}; fits "
            f"of {' x '.join(map(str, shape[:-1]))} numbers x {shape[-1]} vertices were expected",
            hint=again(subject_run.folder.parent, [subject_run.id]),
        )
    return fits


def _one_window(
    run: Run, fits: NDArray[Any], place: int | None, weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Make one window of those of all fits: of all layers' together, of the layer at a place, or of the heaviest."""
    refit = run.settings.refit
    if weights is not None:
        return take_heaviest(np.stack([combine(fits[:, n], refit=refit) for n in range(len(weights))]), weights)
    return combine(fits if place is None else fits[:, place], refit=refit)


def _at_rim(
    settings: Settings, x: NDArray[np.float64], y: NDArray[np.float64], size: NDArray[np.float64]
) -> NDArray[np.bool_] | None:
    """Say of each window whether its centre is on the rim of those that were tried of the size nearest to its own."""
    if settings.image_width is None:
        return None
    tried = windows_of(settings.windows, settings.image_width).places[1:]
    sizes, which = np.unique(tried[:, 2], return_inverse=True)
    furthest = np.zeros((len(sizes), 2))
    np.maximum.at(furthest, which.ravel(), np.abs(tried[:, :2]))
    nearest = np.abs(np.log(size[:, None] / sizes)).argmin(axis=1)
    # A run keeps single precision.
    reached = np.abs(np.column_stack([x, y])) > furthest[nearest] * (1 - 1e-5)
    return np.asarray((reached & (furthest[nearest] > 0)).any(axis=1))


def fields_of(
    run: Run, subject: Subject, sides: tuple[Side, ...], layer: str | None = None
) -> Mapping[Side, VertexFields]:
    """Read the windows of some sides of a subject; errors are those of `read_fields`."""
    return {side: read_fields(run, subject.id, side, subject.n_vertices(side), layer) for side in sides}


def field_maps(
    run: Run, subject: SubjectId, hemisphere: Side, n_vertices: int, layer: str | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return what files have of each vertex, as `VertexFields.maps`; nothing where the run has no windows.

    Where a layer is named, errors are those of `read_fields`, that there are no windows among them.
    """
    known = layer is not None or has_fields(run.subject(subject))
    return dict(read_fields(run, subject, hemisphere, n_vertices, layer).maps()) if known else {}


def check_layer(run: Run, layer: str | None) -> None:
    """Refuse a layer that a run has no windows on.

    Raises
    ------
    UsageError
        If it has none at all, one of all its layers together, or none on a layer that is called so.
    """
    if layer is not None and not any(has_fields(run.subject(subject)) for subject in run.subjects):
        raise _no_fields(run)
    place_of(run, layer)


def _no_fields(run: Run) -> UsageError:
    others = [
        other.name for other in list_runs(run.cache_dir) if any(has_fields(other.subject(n)) for n in other.subjects)
    ]
    return UsageError(
        f"run {run.name} has no receptive fields: its regression is {run.settings.regression}, not fields",
        hint=f"run={others[0]!r} has them" if others else "algocli train --regression fields -l features.2",
    )


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else np.nan
