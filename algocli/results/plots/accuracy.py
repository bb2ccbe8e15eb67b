"""How well a run explains a subject's cortex: as a map, and as bars by ROI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.dataset.sides import asked_sides
from algocli.errors import MissingStep
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.charts import draw_rois
from algocli.results.drawing.roi_axis import remark_on_absent
from algocli.results.plots.request import Values, Wishes
from algocli.results.report import summarise
from algocli.results.report_rows import RoiRow
from algocli.results.scoring import read_scores, scored_subjects
from algocli.results.significance import FALSE_DISCOVERIES, significant
from algocli.results.telling import SCORED_ON
from algocli.runs import p_values as kept_p
from algocli.runs.networks import name_runs
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


def plot_accuracy(
    challenge: Dataset, run: Run, wishes: Wishes, *, only_significant: bool = False
) -> Iterator[tuple[SubjectId, BrainMap]]:
    """Map each subject's r on the cortex; all subjects share one colour scale.

    Parameters
    ----------
    only_significant
        Whether vertices that are not explained better than chance stay bare cortex. The p values are those that a
        report kept with the run.

    Raises
    ------
    DataError
        If data and run do not fit together, or a subject is missing from the data.
    MissingStep
        If the run has not been trained on a subject, or no p values are kept with it that are needed.
    """
    pairs = scored_subjects(challenge, run, wishes.subjects)
    scores: dict[SubjectId, Values] = {
        subject.id: wishes.explainable(
            subject, {h: read_scores(subject, subject_run, h).correlation for h in wishes.sides(subject)}
        )
        for subject, subject_run in pairs
    }
    remarks = dict.fromkeys(scores, "")
    if only_significant:
        for _, subject_run in pairs:
            scores[subject_run.id], remarks[subject_run.id] = _significant_alone(
                run, subject_run, scores[subject_run.id]
            )
    key = wishes.scale(np.concatenate([r for sides in scores.values() for r in sides.values()]), "Pearson's r")
    for subject, _ in pairs:
        values = scores[subject.id]
        drawn = wishes.on_surface(subject, values)
        said = f"Scored on {SCORED_ON}.{remarks[subject.id]}"
        caption = f"{said}\n{name_runs([run])}\n{wishes.count(drawn, values)}"
        title = wishes.heading("Encoding accuracy", subject.id, pairs)
        outlines = wishes.outlines(subject)
        yield subject.id, BrainMap((Panel(drawn),), key, title, caption, wishes.surface, outlines)


def plot_bars(
    challenge: Dataset, run: Run, wishes: Wishes, rois: Sequence[str] | None = None
) -> Iterator[tuple[SubjectId, Chart[tuple[RoiRow, ...]]]]:
    """Draw each subject's median r per ROI as bars.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    report = summarise(challenge, run, subjects=wishes.subjects, rois=rois, min_ceiling=wishes.min_ceiling)
    for number in report.subjects:
        remark = remark_on_absent(row.n_vertices for row in report.rows if row.subject == number)
        yield (
            number,
            draw_rois(
                report,
                number,
                hemispheres=asked_sides(report.sides, wishes.hemispheres),
                title=wishes.heading("Encoding accuracy by ROI", number, report.subjects),
                caption=f"Scored on {SCORED_ON}. {name_runs([run])}{remark}{wishes.told_ceiling}",
                dpi=wishes.dpi,
                theme=wishes.theme,
            ),
        )


def kept_significance(run: Run, subject_run: SubjectRun) -> kept_p.KeptP:
    """Return the p values that a report kept with a run.

    Raises
    ------
    MissingStep
        If there are none.
    """
    kept = kept_p.kept(subject_run)
    if kept is None:
        raise MissingStep(
            f"no p values are kept with run {run.name} of subject {subject_run.id}",
            hint=f"algocli report --significance -s {subject_run.id} --run {quote(run.name)}",
        )
    return kept


def _significant_alone(run: Run, subject_run: SubjectRun, values: Values) -> tuple[Values, str]:
    """Make r NaN where it may be chance; also say where it is not."""
    kept = kept_significance(run, subject_run)
    better = significant(kept.p)
    better = {h: better[h] & np.isfinite(r) for h, r in values.items()}
    counts = " and ".join(f"{better[h].sum():,} of {np.isfinite(r).sum():,} {h}" for h, r in values.items())
    remark = (
        f" Only what is better than chance has a colour: {counts} vertices (q ≤ {FALSE_DISCOVERIES:g} over both "
        f"hemispheres, {kept.n_permutations:,} permutations of the images)."
    )
    return {h: np.where(better[h], r, np.nan) for h, r in values.items()}, remark
