"""What a group of subjects shows on fsaverage: means over those who have a response at a vertex, and how many do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.keys import Categories, Key, Scale
from algocli.results.drawing.style import CATEGORY_COLOURS, CONTEXT_COLOUR, ordered_colours
from algocli.results.group_places import GroupPlaces, group_places, group_sides
from algocli.results.on_mesh import cut
from algocli.results.plots.accuracy import kept_significance
from algocli.results.plots.difference import difference_scale, scores_of_both, subjects_of_both
from algocli.results.plots.request import Values, Wishes, known_rois, places
from algocli.results.scoring import read_scores, scored_subjects
from algocli.results.significance import FALSE_DISCOVERIES, significant
from algocli.results.telling import SCORED_ON
from algocli.runs.networks import called, name_runs
from algocli.runs.run import Run
from algocli.stats.groups import mean_of_subjects

# Of each hemisphere, where subjects meet.
Meeting = Mapping[Side, GroupPlaces]
# So many numbers of subjects have a colour each; more are a scale. Theirs are not those of layers.
_MOST_COUNTED = len(CATEGORY_COLOURS)
_COUNTED = "YlGnBu"


def plot_group_accuracy(challenge: Dataset, run: Run, wishes: Wishes, *, only_significant: bool = False) -> BrainMap:
    """Map the mean r over subjects, and how many of them have a response at each vertex.

    Parameters
    ----------
    only_significant
        Whether vertices stay bare cortex that are not explained better than chance in at least half of the subjects who
        have a response there, each by p values of its own. How many they are is then a map, too.

    Raises
    ------
    UsageError
        If the data of a subject has no places on fsaverage.
    DataError
        If data and run do not fit together, or a subject is missing from the data.
    MissingStep
        If the run has not been trained on a subject, or no p values are kept with it that are needed.
    """
    pairs = scored_subjects(challenge, run, wishes.subjects)
    meeting = meeting_of([subject for subject, _ in pairs], wishes)
    mean, showing = {}, {}
    for h, here in meeting.items():
        having = [(subject, subject_run) for subject, subject_run in pairs if h in subject.sides]
        mean[h] = _mean(here, {subject.id: read_scores(subject, its_run, h).correlation for subject, its_run in having})
        if only_significant:
            better = {
                subject.id: significant(kept_significance(run, its_run).p)[h].astype(float)
                for subject, its_run in having
            }
            showing[h] = np.nansum(here.stack(better), axis=0)
            mean[h] = np.where(2 * showing[h] >= here.n_subjects, mean[h], np.nan)
    key = wishes.scale(np.concatenate(list(mean.values())), "mean r over subjects")
    said = f"Mean over subjects of Pearson's r on {SCORED_ON}."
    further = []
    if only_significant:
        said += (
            f" Only what is better than chance in at least half of those who have the vertex has a colour (q ≤ "
            f"{FALSE_DISCOVERIES:g} in each subject, by permutations of its images)."
        )
        further = [counted(meeting, showing, "subjects better than chance", wishes)]
    subjects = [subject for subject, _ in pairs]
    return group_map(
        subjects, meeting, mean, key, "Encoding accuracy", f"{said} {name_runs([run])}", wishes, further=further
    )


def plot_group_difference(challenge: Dataset, run: Run, against: Run, wishes: Wishes) -> BrainMap:
    """Map the mean over subjects of the r of a run minus that of another, and how many have a response at each vertex.

    Raises
    ------
    UsageError
        If it is the same run twice, they were trained on different responses, or the data of a subject has no places
        on fsaverage.
    DataError, MissingStep
        If data and runs do not fit together, or a subject is missing from any of them.
    """
    subjects = subjects_of_both(challenge, run, against, wishes)
    meeting = meeting_of(subjects, wishes)
    mean = {}
    for h, here in meeting.items():
        both = {s.id: scores_of_both(s, run, against, h) for s in subjects if h in s.sides}
        mean[h] = _mean(here, {number: r - other for number, (r, other) in both.items()})
    key = difference_scale(np.concatenate(list(mean.values())), run, against, wishes)
    said = f"Mean over subjects of Pearson's r on {SCORED_ON}: run {called(run)} minus run {called(against)}."
    return group_map(subjects, meeting, mean, key, "Difference in encoding accuracy", said, wishes)


def meeting_of(subjects: Sequence[Subject], wishes: Wishes) -> Meeting:
    """Return where subjects meet on each hemisphere that is to be drawn."""
    return {h: group_places(subjects, h, wishes.min_ceiling) for h in group_sides(subjects, wishes.hemispheres)}


def _mean(here: GroupPlaces, values: Mapping[SubjectId, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Average over the subjects at each place, (n_places,); NaN where there are too few."""
    return np.where(here.is_told, mean_of_subjects(here.stack(values)).mean, np.nan)


def group_map(
    subjects: Sequence[Subject],
    meeting: Meeting,
    mean: Values,
    key: Key,
    title: str,
    said: str,
    wishes: Wishes,
    *,
    name: str = "mean over subjects",
    further: Sequence[Panel] = (),
) -> BrainMap:
    """Put values of places, (n_places,) a hemisphere, on the mesh, beside them others and how many subjects there are.

    Where all have a response everywhere, a sentence says it as well.
    """
    full = {h: here.on_mesh(mean[h]) for h, here in meeting.items()}
    drawn = {h: cut(side, wishes.surface) for h, side in full.items()}
    n = len(subjects)
    n_subjects = {h: here.n_subjects for h, here in meeting.items()}
    least = next(iter(meeting.values())).least
    everywhere = all((side == n).all() for side in n_subjects.values())
    panels = [Panel(drawn, name if further or not everywhere else ""), *further]
    if everywhere:
        coverage = f"All {n} subjects have a response at every vertex."
    else:
        panels.append(counted(meeting, n_subjects, "subjects with a response", wishes))
        n_all = sum(int((side == n).sum()) for side in n_subjects.values())
        n_places = sum(map(len, n_subjects.values()))
        n_few = sum(int((side < least).sum()) for side in n_subjects.values())
        coverage = (
            f"Vertices where fewer than {least} of the {n} subjects have a response are left out: {n_few:,} of "
            f"{n_places:,}; at {n_all:,} all have one."
        )
    caption = f"{said}\n{coverage} {wishes.count(drawn, full)}{_told_outlines(wishes)}"
    heading = f"{title}, {n} subjects" if wishes.title is None else wishes.title
    return BrainMap(tuple(panels), key, heading, caption, wishes.surface, _outlines(subjects, meeting, wishes))


def counted(meeting: Meeting, counts: Mapping[Side, NDArray[np.number[Any]]], name: str, wishes: Wishes) -> Panel:
    """Map numbers of subjects, (n_places,) a hemisphere."""
    n = max(len(here.subjects) for here in meeting.values())
    on_mesh = {h: cut(here.on_mesh(counts[h]), wishes.surface) for h, here in meeting.items()}
    if n > _MOST_COUNTED:
        return Panel(on_mesh, name, Scale(0, n, name, colours=_COUNTED))
    least = 0 if any((side == 0).any() for side in counts.values()) else 1
    codes = {h: side - least for h, side in on_mesh.items()}
    names = [str(count) for count in range(least, n + 1)]
    return Panel(codes, name, Categories(names, [CONTEXT_COLOUR, *ordered_colours(n, _COUNTED)][least:]))


def _outlines(
    subjects: Sequence[Subject], meeting: Meeting, wishes: Wishes
) -> dict[Side, dict[str, NDArray[np.int64]]]:
    """Return the mesh vertices that are inside a ROI in at least half of the subjects who have it."""
    if not wishes.outlined:
        return {}
    around: dict[Side, dict[str, NDArray[np.int64]]] = {h: {} for h in meeting}
    for name in known_rois(subjects, wishes.outlined):
        for h, here in meeting.items():
            of_roi = {s.id: places(s, name, [h])[h] for s in subjects if h in s.sides}
            inside = [here.places_of(number, vertices) for number, vertices in of_roi.items() if len(vertices)]
            if not inside:
                continue
            n_inside = np.bincount(np.concatenate(inside), minlength=len(here.vertices))
            on_mesh = np.flatnonzero(cut(here.on_mesh(n_inside), wishes.surface) >= len(inside) / 2)
            if len(on_mesh):
                around[h][name] = on_mesh
    return around


def _told_outlines(wishes: Wishes) -> str:
    return " Outlines: in at least half of the subjects who have the ROI." if wishes.outlined else ""
