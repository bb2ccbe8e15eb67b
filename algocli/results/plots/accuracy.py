"""How well a run explains a subject's cortex: as a map, and as bars by ROI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from algocli.challenge.subjects import Challenge
from algocli.encoding.runs import Run
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.charts import Chart, draw_rois
from algocli.results.plots.wishes import Wishes
from algocli.results.report import SCORED_ON, summarise
from algocli.results.scoring import read_scores, scored_subjects


def plot_accuracy(challenge: Challenge, run: Run, wishes: Wishes) -> Iterator[tuple[int, BrainMap]]:
    """Map each subject's r on the cortex; all subjects share one colour scale.

    Raises
    ------
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    pairs = scored_subjects(challenge, run, wishes.subjects)
    scores = {
        subject.number: {h: read_scores(subject, share, h).correlation for h in wishes.hemispheres}
        for subject, share in pairs
    }
    key = wishes.scale(np.concatenate([r for sides in scores.values() for r in sides.values()]), "Pearson's r")
    for subject, _ in pairs:
        values = scores[subject.number]
        drawn = wishes.on_surface(subject, values)
        caption = f"Scored on {SCORED_ON}.\nRun {run.name}.\n{wishes.count(drawn, values)}"
        title = wishes.heading("Encoding accuracy", subject.number, pairs)
        outlines = wishes.outlines(subject)
        yield subject.number, BrainMap((Panel(drawn),), key, title, caption, wishes.surface, outlines)


def plot_bars(
    challenge: Challenge, run: Run, wishes: Wishes, rois: Sequence[str] | None = None
) -> Iterator[tuple[int, Chart]]:
    """Draw each subject's median r per ROI as bars.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    report = summarise(challenge, run, subjects=wishes.subjects, rois=rois)
    for number in report.subjects:
        absent = any(row.n_vertices == 0 for row in report.rows if row.subject == number)
        remark = " A dash marks a ROI that is absent." if absent else ""
        yield (
            number,
            draw_rois(
                report,
                number,
                hemispheres=wishes.hemispheres,
                title=wishes.heading("Encoding accuracy by ROI", number, report.subjects),
                caption=f"Scored on {SCORED_ON}. Run {run.name}.{remark}",
                dpi=wishes.dpi,
                theme=wishes.theme,
            ),
        )
