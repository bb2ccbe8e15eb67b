"""Learning curves on a cluster: a task is a subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algocli.compute.executors.crew import crew_of, values_of
from algocli.compute.executors.specs import Cluster
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.results.curve_scores import Learned, learn_one
from algocli.results.regions import Chosen
from algocli.runs.growing import Growing
from algocli.runs.run import Run


@dataclass(frozen=True)
class SubjectCurve:
    """A subject of a run, of which models of growing numbers of images are to be fitted; `how` is `Growing`'s."""

    of: Run
    subject: Subject
    how: Mapping[str, Any]
    chosen: Chosen
    n_resamples: int

    @property
    def label(self) -> str:
        """The subject."""
        return f"subject {self.subject.id}"

    def run(self, note: Note) -> Learned:
        """Fit and score them."""
        models = Growing(self.of, self.subject, **self.how, note=note)
        return learn_one(self.of, models, self.chosen, self.n_resamples, self.how["seed"])


def learn_on(
    cluster: Cluster,
    run: Run,
    subjects: Sequence[Subject],
    how: Mapping[str, Any],
    chosen: Chosen,
    n_resamples: int,
    track: Track,
    note: Note,
) -> list[Learned]:
    """Have the models of some subjects fitted side by side, and return what they come to, in the subjects' order.

    Raises
    ------
    AlgocliError
        As `learn` does, of the first subject that has no curve.
    """
    tasks = [SubjectCurve(run, subject, how, chosen, n_resamples) for subject in subjects]
    with crew_of(cluster, run.cache_dir, note) as crew:
        return values_of(crew.do(tasks, note, track, label="learning curves", unit="subjects"))
