"""Explained variance of held-out images, partitioned between sets of features: at each vertex, and ROI by ROI.

Everything is read from the runs of the sets' unions: what they predicted, and what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.files import write_json
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.arrays import save_array
from algocli.dataset.ceilings import CeilingUnit
from algocli.dataset.naming import SubjectId, by_id, name_of
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import BOTH, Side, prefix
from algocli.results.held_out import held_out, read_blocks
from algocli.results.part_rows import TOTAL, PartitionReport, PartRow
from algocli.results.regions import Chosen, choose_rois, classes_of, regions, tell_min_ceiling, with_sums
from algocli.results.scoring import read_scores
from algocli.results.sure_parts import Drawn, Resampling, resample, with_intervals
from algocli.results.telling import Correction
from algocli.runs.run import Run
from algocli.stats.explained import explained_variance
from algocli.stats.partition import FeatureSet, Names, partition, unions

# File systems end at 255 bytes.
_LONGEST_NAME = 200


@dataclass(frozen=True)
class HemisphereParts:
    """What sets of features explain of one hemisphere.

    Attributes
    ----------
    parts : dict of (n_vertices,) float64
        For every combination of sets the share of variance that each of them explains and no other set does.
    total : (n_vertices,) float64
        The R² of all sets together: the sum of the parts.
    noise_ceiling : (n_vertices,) float64 or None
        The explainable share of variance, where the data folder has it; `unit` says how its file was read.
    """

    parts: dict[Names, NDArray[np.float64]]
    total: NDArray[np.float64]
    noise_ceiling: NDArray[np.float64] | None
    unit: CeilingUnit | None


SubjectParts = dict[Side, HemisphereParts]


def read_parts(subject: Subject, runs: Mapping[Names, Run], *, track: Track = silent) -> SubjectParts:
    """Partition what the runs of every union of some sets explain of the images that they held out of a subject.

    Raises
    ------
    MissingStep
        If a run has not been trained on that subject.
    DataError
        If runs and data do not fit together, or an array is missing or damaged.
    """
    parts: SubjectParts = {}
    everything = max(runs, key=len)
    for hemisphere in subject.sides:
        scores = read_scores(subject, runs[everything].subject(subject.id), hemisphere)
        label = f"subject {subject.id}, {hemisphere}: explained variance"
        explained = {
            union: _explain(subject, run, hemisphere)
            for union, run in track(runs.items(), total=len(runs), label=label, unit="models")
        }
        parts[hemisphere] = HemisphereParts(
            partition(explained), explained[everything], scores.noise_ceiling, scores.unit
        )
    return parts


def describe(sets: Sequence[FeatureSet], runs: Mapping[Names, Run]) -> dict[str, object]:
    """Tell which features each set has, and which run each union of them, as JSON can hold it."""
    models = [
        {"sets": [each.name for each in sets if each.name in union], "run": run.name} for union, run in runs.items()
    ]
    return {"sets": {each.name: list(each.features) for each in sets}, "models": models}


def export_parts(
    folder: Path, sets: Sequence[FeatureSet], runs: Mapping[Names, Run], parts: Mapping[SubjectId, SubjectParts]
) -> list[Path]:
    """Write every part's values per vertex, and a description of what they are.

    Parameters
    ----------
    parts
        What `read_parts` returned, by the subjects' numbers.

    Returns
    -------
    The files: folder/partition.json, which tells the sets' features, the runs and each file's sets, and for every
    subject and hemisphere subjNN/lh_unique_A.npy, lh_shared_A_B.npy and so on and lh_total.npy, (n_vertices,) float32,
    the share of variance, of the sets A and B.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    names = [each.name for each in sets]
    files = _file_names(names)
    written = [folder / "partition.json"]
    columns = {file: [name for name in names if name in part] for part, file in files.items()} | {TOTAL: names}
    unit = "share of the variance of held-out responses (R²)"
    write_json(written[0], {**describe(sets, runs), "files": columns, "unit": unit})
    for number, sides in parts.items():
        for hemisphere, side in sides.items():
            arrays = {files[part]: side.parts[part] for part in unions(names)} | {TOTAL: side.total}
            for name, values in arrays.items():
                path = folder / name_of(number) / f"{prefix(hemisphere)}_{name}.npy"
                save_array(path, values.astype(np.float32))
                written.append(path)
    return written


def _explain(subject: Subject, run: Run, hemisphere: Side) -> NDArray[np.float64]:
    """Return the R² of a run per vertex, (n_vertices,); with folds, the mean over folds."""
    held = held_out(run, subject.id)
    folds = [held.folds == fold for fold in np.unique(held.folds)]
    explained = np.empty(subject.n_vertices(hemisphere))
    # One run after the other: of thirty together, a block would take gigabytes.
    for block in read_blocks(subject, hemisphere, [held], np.arange(len(explained)), track=silent, doing="variance"):
        (predicted,) = block.predicted
        each = [explained_variance(block.measured[inside], predicted[inside]) for inside in folds]
        explained[block.vertices] = np.mean(each, axis=0)
    return explained


def _file_names(names: Sequence[str]) -> dict[Names, str]:
    """Name the file of every part by its sets; where they are too many or too long for a file's name, by letters."""
    words = [re.sub(r"[^A-Za-z0-9.+-]+", "-", name) for name in names]
    if len("_".join(words)) > _LONGEST_NAME or len(set(words)) < len(words):
        words = [chr(ord("A") + place) for place in range(len(names))]
    spelled = dict(zip(names, words, strict=True))
    return {
        part: ("unique_" if len(part) == 1 else "shared_") + "_".join(spelled[name] for name in names if name in part)
        for part in unions(names)
    }


def summarise_parts(
    names: Sequence[str],
    pairs: Sequence[tuple[Subject, SubjectParts]],
    *,
    rois: Sequence[str] | None = None,
    min_ceiling: float = 0,
    drawn: Mapping[SubjectId, Drawn] | None = None,
    correct: Correction = "none",
    same_images: float = 0.0,
) -> PartitionReport:
    """Average every part over the vertices of each ROI, and over all vertices.

    Parameters
    ----------
    names
        The sets, in the order in which they are to be told.
    pairs
        Each subject with its parts.
    rois
        Names of the only ROIs, 'All vertices' among them; by default all, 'All vertices' last.
    min_ceiling
        The least noise ceiling, as a share of variance, of the vertices that count; 0 for any.
    drawn, correct
        By subject what `resample_parts` returned, where rows are to say how sure they are, and how p is corrected for
        the number of ROIs.
    same_images
        What share of a subject's held-out images were held out of another too.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    """
    classes = classes_of([subject for subject, _ in pairs])
    chosen = choose_rois(rois, classes, min_ceiling)
    parts = named_parts(names)
    rows: list[PartRow] = []
    for subject, sides in pairs:
        of_subject = list(_subject_rows(names, [*parts], subject, sides, chosen))
        rows += of_subject if drawn is None else with_intervals(of_subject, drawn[subject.id], correct)
    named, notes = with_sums(chosen, classes), (*tell_min_ceiling(min_ceiling), *_ceiling_notes(pairs))
    return PartitionReport(tuple(names), tuple(parts), tuple(rows), named, notes, correct, same_images)


def resample_parts(
    pairs: Sequence[tuple[Subject, SubjectParts]],
    names: Sequence[str],
    runs: Mapping[Names, Run],
    how: Resampling,
    *,
    rois: Sequence[str] | None = None,
    min_ceiling: float = 0,
    track: Track = silent,
    note: Note = unheard,
) -> dict[SubjectId, Drawn]:
    """Return by subject what each part of every ROI comes to in resamples of the held-out images.

    Raises
    ------
    DataError, UsageError
        As `sure_parts.resample` does.
    """
    chosen = choose_rois(rois, classes_of([subject for subject, _ in pairs]), min_ceiling)
    parts = named_parts(names)
    return {subject.id: resample(subject, runs, parts, chosen, how, track=track, note=note) for subject, _ in pairs}


def named_parts(names: Sequence[str]) -> dict[str, Names]:
    """Return the sets of every part by what its rows call it, in their order; `TOTAL`, of no sets, last."""
    parts = {" & ".join(name for name in names if name in part): part for part in unions(names)}
    return {**parts, TOTAL: frozenset()}


def _subject_rows(
    names: Sequence[str], parts: Sequence[str], subject: Subject, sides: SubjectParts, chosen: Chosen
) -> Iterator[PartRow]:
    values = {hemisphere: _stack(names, side) for hemisphere, side in sides.items()}
    vertices = {hemisphere: regions(subject, hemisphere, chosen) for hemisphere in sides}
    for side in (*sides, BOTH) if len(sides) > 1 else sides:
        hemispheres = [*sides] if side == BOTH else [side]
        for roi in vertices[hemispheres[0]]:
            picked = np.concatenate([values[h][:, vertices[h][roi]] for h in hemispheres], axis=1)
            for part, (explained, relative) in zip(parts, _means(picked), strict=True):
                yield PartRow(subject.id, side, roi, picked.shape[1], part, explained, relative)


def _stack(names: Sequence[str], side: HemisphereParts) -> NDArray[np.float64]:
    """Return parts, total and noise ceiling (NaN where there is none) as rows, (n_parts + 2, n_vertices)."""
    ceiling = np.full_like(side.total, np.nan) if side.noise_ceiling is None else side.noise_ceiling
    return np.stack([*(side.parts[part] for part in unions(names)), side.total, ceiling])


def _means(values: NDArray[np.float64]) -> Iterator[tuple[float | None, float | None]]:
    """Yield the mean of every part but the ceiling, which is the last row, and the same relative to the ceiling's."""
    if values.shape[1] == 0:
        yield from [(None, None)] * (len(values) - 1)
        return
    *means, ceiling = values.mean(axis=1).tolist()
    for mean in means:
        # A mean of quotients would belong to the vertices of next to no ceiling; and so parts sum to their total.
        yield mean, mean / ceiling if ceiling > 0 else None


def _ceiling_notes(pairs: Sequence[tuple[Subject, SubjectParts]]) -> Iterator[str]:
    units = {(side.unit, subject.id) for subject, sides in pairs for side in sides.values()}
    known = {unit for unit, _ in units if unit is not None}
    if not known:
        return
    read_as = "percent" if known == {"percent"} else "shares of variance" if known == {"share"} else "what each file is"
    yield f"noise ceilings were read as {read_as}, going by their largest value"
    if lacking := sorted({number for unit, number in units if unit is None}, key=by_id):
        yield f"noise ceilings are missing of subject {', '.join(map(str, lacking))}"
