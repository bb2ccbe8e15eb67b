"""Learning curves on a cluster: a task is a subject; large Gram matrices that are missing come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from algocli.compute.executors.crew import crew_of, values_of
from algocli.compute.executors.specs import Cluster
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.encoding.gram_tasks import large_matrices, multiply
from algocli.errors import AlgocliError
from algocli.features.store.factor import Factor
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

    def large_matrices(self) -> list[Factor]:
        """Return the large Gram matrices that it comes from; none where it cannot be, which is told by `run`."""
        with suppress(AlgocliError):
            models = Growing(self.of, self.subject, **self.how)
            return large_matrices(models.stores, models.settings, models.fits)
        return []

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
        matrices = [matrix for task in tasks for matrix in task.large_matrices()]
        # What could not be made is told by whoever needs it.
        multiply(matrices, crew, cluster.n_workers, "cpu", track, note)
        return values_of(crew.do(tasks, note, track, label="learning curves", unit="subjects"))
