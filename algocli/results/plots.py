"""Figures of a run and of the data folder, one a subject, drawn one after the other as they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.layout import HEMISPHERES, Hemisphere
from algocli.challenge.subjects import Challenge, Subject
from algocli.encoding.runs import Run
from algocli.errors import UsageError
from algocli.results.best_layer import (
    DEFAULT_MIN_R,
    BlendedLayer,
    find_best_layers,
    name_layers,
)
from algocli.results.charts import Chart, draw_rois
from algocli.results.figures import CATEGORY_COLOURS, CONTEXT_COLOUR, DEFAULT_DPI, ordered_colours
from algocli.results.keys import Categories, scale_for, symmetric_scale_for
from algocli.results.maps import SurfaceMap, draw_views
from algocli.results.report import SCORED_ON, check_rois, summarise
from algocli.results.scoring import read_scores, scored_subjects
from algocli.results.surface import N_VERTICES, Surface, cut, fsaverage_map

if TYPE_CHECKING:
    Values = Mapping[Hemisphere, NDArray[np.float64]]
    Places = Mapping[Hemisphere, NDArray[np.int64]]

_SURFACE: Surface = "fsaverage5"
_LONGEST_LABEL = 36


def plot_accuracy(
    challenge: Challenge,
    run: Run,
    *,
    subjects: Iterable[int] | None = None,
    hemispheres: Sequence[Hemisphere] = HEMISPHERES,
    title: str | None = None,
    dpi: int = DEFAULT_DPI,
) -> Iterator[tuple[int, SurfaceMap]]:
    """Map each subject's r on the cortex; all subjects share one colour scale.

    Raises
    ------
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    pairs = scored_subjects(challenge, run, subjects)
    scores = {
        subject.number: {h: read_scores(subject, share, h).correlation for h in hemispheres} for subject, share in pairs
    }
    everything = np.concatenate([r for sides in scores.values() for r in sides.values()])
    key = scale_for(everything, "Pearson's r")
    for subject, _ in pairs:
        drawn = _on_surface(subject, scores[subject.number])
        caption = f"Scored on {SCORED_ON}.\nRun {run.name}.\n{_count_all(drawn, scores[subject.number])}"
        heading = _heading(title, "Encoding accuracy", subject, pairs)
        yield subject.number, draw_views(drawn, key, title=heading, caption=caption, dpi=dpi)


def plot_best_layer(
    challenge: Challenge,
    run: Run,
    *,
    min_r: float = DEFAULT_MIN_R,
    subjects: Iterable[int] | None = None,
    hemispheres: Sequence[Hemisphere] = HEMISPHERES,
    title: str | None = None,
    dpi: int = DEFAULT_DPI,
) -> Iterator[tuple[int, SurfaceMap]]:
    """Map which layer of a blend has the largest weight at each of a subject's vertices.

    Layers of one network have an order, that in which they were given, and colours from dark to light; layers of
    several have colours of their own. `find_best_layers` says what a weight means and which vertices have no layer.

    Raises
    ------
    UsageError
        If the run is no blend, or has more layers of several networks than there are colours.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    layers = name_layers(run)
    colours = [*_layer_colours(layers), CONTEXT_COLOUR]
    pairs = scored_subjects(challenge, run, subjects)
    for subject, _ in pairs:
        best = find_best_layers(subject, run, hemispheres, min_r)
        n_coloured = [best.count(code) for code in range(len(layers))]
        counts = [*n_coloured, best.n_vertices - sum(n_coloured)]
        names = [*(_shortened(layer.label) for layer in layers), "none"]
        key = Categories(
            [f"{name}  {100 * n / best.n_vertices:.0f} %" for name, n in zip(names, counts, strict=True)], colours
        )
        codes = {h: np.where(side < 0, len(layers), side).astype(np.float64) for h, side in best.codes.items()}
        drawn = _on_surface(subject, codes)
        caption = f"{best.explain(min_r)}\nRun {run.name}.\n{_count_all(drawn, codes)}"
        heading = _heading(title, _layers_title(layers), subject, pairs)
        yield subject.number, draw_views(drawn, key, title=heading, caption=caption, dpi=dpi)


def plot_bars(
    challenge: Challenge,
    run: Run,
    *,
    rois: Sequence[str] | None = None,
    subjects: Iterable[int] | None = None,
    hemispheres: Sequence[Hemisphere] = HEMISPHERES,
    title: str | None = None,
    dpi: int = DEFAULT_DPI,
) -> Iterator[tuple[int, Chart]]:
    """Draw each subject's median r per ROI as bars.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    report = summarise(challenge, run, subjects=subjects, rois=rois)
    for number in report.subjects:
        absent = any(row.n_vertices == 0 for row in report.rows if row.subject == number)
        remark = " A dash marks a ROI that is absent." if absent else ""
        caption = f"Scored on {SCORED_ON}. Run {run.name}.{remark}"
        heading = _heading(title, "Encoding accuracy by ROI", challenge.subject(number), report.subjects)
        yield number, draw_rois(report, number, hemispheres=hemispheres, title=heading, caption=caption, dpi=dpi)


def plot_vertices(
    challenge: Challenge,
    *,
    subjects: Iterable[int] | None = None,
    hemispheres: Sequence[Hemisphere] = HEMISPHERES,
    title: str | None = None,
    dpi: int = DEFAULT_DPI,
) -> Iterator[tuple[int, SurfaceMap]]:
    """Show which part of the cortex each subject's responses come from.

    Raises
    ------
    DataError
        If a subject or its mask is missing.
    """
    key = Categories(["challenge vertices"], [CATEGORY_COLOURS[4]])
    chosen = challenge.subjects(subjects)
    for subject in chosen:
        values = {h: np.zeros(subject.n_vertices(h)) for h in hemispheres}
        drawn = _on_surface(subject, values)
        heading = _heading(title, "Challenge vertices", subject, chosen)
        yield subject.number, draw_views(drawn, key, title=heading, caption=_count_all(drawn, values), dpi=dpi)


def plot_roi(
    challenge: Challenge,
    names: Sequence[str],
    *,
    subjects: Iterable[int] | None = None,
    hemispheres: Sequence[Hemisphere] = HEMISPHERES,
    title: str | None = None,
    dpi: int = DEFAULT_DPI,
) -> Iterator[tuple[int, SurfaceMap]]:
    """Show where ROIs lie; of overlapping ones the one named last is on top.

    Raises
    ------
    UsageError
        If the data names no such ROI, or there are more ROIs than colours.
    DataError
        If a subject or one of its masks is missing.
    """
    chosen = challenge.subjects(subjects)
    names = _known_rois(chosen, names)
    colours = [*_category_colours(len(names), "ROIs"), CONTEXT_COLOUR]
    for subject in chosen:
        places = {name: _places(subject, name, hemispheres) for name in names}
        codes = {h: np.full(subject.n_vertices(h), float(len(names))) for h in hemispheres}
        for code, name in enumerate(names):
            for h in hemispheres:
                codes[h][places[name][h]] = code
        labels = [name if any(map(len, places[name].values())) else f"{name} (absent)" for name in names]
        key = Categories([*labels, "other challenge vertices"], colours)
        caption = f"{_SURFACE}, vertices shown: {_count_rois(subject, places)}.{_overlap(places, codes)}"
        heading = _heading(title, ", ".join(names), subject, chosen)
        yield subject.number, draw_views(_on_surface(subject, codes), key, title=heading, caption=caption, dpi=dpi)


def plot_response(
    challenge: Challenge,
    row: int,
    *,
    rois: Sequence[str] | None = None,
    subjects: Iterable[int] | None = None,
    hemispheres: Sequence[Hemisphere] = HEMISPHERES,
    title: str | None = None,
    dpi: int = DEFAULT_DPI,
) -> Iterator[tuple[int, SurfaceMap]]:
    """Map each subject's measured responses to one of its training images, given by its row from 0.

    Raises
    ------
    UsageError
        If a subject has no such training image, or the data names no such ROI.
    DataError
        If a subject, its images or its responses are missing.
    """
    chosen = challenge.subjects(subjects)
    only = _known_rois(chosen, rois) if rois else None
    for subject in chosen:
        images = subject.train_stimuli
        if not 0 <= row < len(images):
            raise UsageError(
                f"subject {subject.number} has no training image {row}: rows go from 0 to {len(images) - 1}"
            )
        values = {}
        for h in hemispheres:
            values[h] = np.asarray(subject.responses("train", h)[row], dtype=np.float64)
            if only is not None:
                inside = np.concatenate([_places(subject, name, [h])[h] for name in only])
                values[h] = np.where(np.isin(np.arange(len(values[h])), inside), values[h], np.nan)
        key = symmetric_scale_for(np.concatenate(list(values.values())), "response (z-scored in each session)")
        drawn = _on_surface(subject, values)
        where = f" in {', '.join(only)}" if only else ""
        caption = f"Measured responses to {images[row].path.name}{where}.\n{_count_all(drawn, values)}"
        heading = _heading(title, f"Responses to training image {row}", subject, chosen)
        yield subject.number, draw_views(drawn, key, title=heading, caption=caption, dpi=dpi)


def _layer_colours(layers: Sequence[BlendedLayer]) -> Sequence[str]:
    if len({layer.network for layer in layers}) == 1:
        return ordered_colours(len(layers))
    return _category_colours(len(layers), "layers of several networks")


def _shortened(label: str) -> str:
    """Take the middle out of a name that would run into the caption."""
    return (
        label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL // 3]}…{label[-_LONGEST_LABEL * 2 // 3 :]}"
    )


def _layers_title(layers: Sequence[BlendedLayer]) -> str:
    networks = list(dict.fromkeys(layer.network for layer in layers))
    return f"Best layer of {networks[0]}" if len(networks) == 1 else "Best layer"


def _category_colours(n: int, what: str) -> Sequence[str]:
    if n > len(CATEGORY_COLOURS):
        raise UsageError(f"{n} {what} cannot be told apart by colour: at most {len(CATEGORY_COLOURS)} can")
    return CATEGORY_COLOURS[:n]


def _known_rois(subjects: Iterable[Subject], names: Iterable[str]) -> tuple[str, ...]:
    return check_rois(names, list(dict.fromkeys(roi.name for subject in subjects for roi in subject.rois)))


def _heading(title: str | None, default: str, subject: Subject, together: Sequence[object]) -> str:
    """Return the user's own title as it is for one figure; tell several figures apart by their subject."""
    if title is not None and len(together) == 1:
        return title
    return f"{title or default}, subject {subject.number}"


def _on_surface(subject: Subject, values: Values) -> dict[Hemisphere, NDArray[np.float64]]:
    return {h: cut(fsaverage_map(side, subject.fsaverage_vertices(h)), _SURFACE) for h, side in values.items()}


def _count_all(drawn: Values, values: Values) -> str:
    counts = [f"{np.isfinite(drawn[h]).sum():,} of {np.isfinite(values[h]).sum():,} {h}" for h in values]
    return f"{_SURFACE}: {' and '.join(counts)} vertices shown."


def _places(subject: Subject, name: str, hemispheres: Sequence[Hemisphere]) -> Places:
    roi = next((roi for roi in subject.rois if roi.name == name), None)
    nowhere = np.array([], dtype=np.int64)
    return {h: nowhere if roi is None else subject.roi_vertices(roi, h) for h in hemispheres}


def _count_rois(subject: Subject, places: Mapping[str, Places]) -> str:
    """Say of each ROI how many of its vertices the surface has, as in 'PPA 87 of 1,410 left and 79 of 1,292 right'."""

    def count(hemisphere: Hemisphere, vertices: NDArray[np.int64]) -> str:
        shown = np.count_nonzero(subject.fsaverage_vertices(hemisphere)[vertices] < N_VERTICES[_SURFACE])
        return f"{shown:,} of {len(vertices):,} {hemisphere}" if len(vertices) else f"absent {hemisphere}"

    return "; ".join(f"{name} {' and '.join(count(*side) for side in sides.items())}" for name, sides in places.items())


def _overlap(places: Mapping[str, Places], codes: Values) -> str:
    named = sum(len(vertices) for sides in places.values() for vertices in sides.values())
    coloured = sum(np.count_nonzero(side < len(places)) for side in codes.values())
    return " Where ROIs overlap, the one named last is on top." if named > coloured else ""
