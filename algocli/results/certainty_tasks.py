"""How sure scores are, found out on a cluster: a task is a subject, whose p values are kept as ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from algocli.compute.executors.crew import Crew, crew_of, do_here
from algocli.compute.executors.specs import Cluster
from algocli.compute.executors.tasks import Outcome
from algocli.compute.track import Note, silent, unheard
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.results.certainty import Asked, Certainty, assess
from algocli.results.regions import Regions
from algocli.runs import p_values as kept_p
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun

# By side how sure scores are, and what a user should know of it.
_Found = tuple[dict[Side, Certainty], tuple[str, ...]]


@dataclass(frozen=True)
class SubjectCertainty:
    """A subject of a run, to say how sure its scores are; `subject` is None where its data is gone."""

    of: Run
    subject_run: SubjectRun
    subject: Subject | None
    regions: Mapping[Side, Regions]
    asked: Asked

    @property
    def label(self) -> str:
        """The subject."""
        return f"subject {self.subject_run.id}"

    def run(self, note: Note) -> _Found:
        """Find it out; what should be known of it stands in a report, and is not said by the way."""
        notes: list[str] = []
        found = assess(self.of, self.subject_run.id, self.subject, self.regions, self.asked, notes.append)
        return found, tuple(notes)

    @property
    def is_left(self) -> bool:
        """Whether more is to be done than to read p values that are kept."""
        kept = kept_p.kept(self.subject_run)
        if kept is None or self.asked.n_resamples is not None:
            return True
        how = self.asked.n_permutations, self.asked.seed
        return (kept.n_permutations, kept.seed) != how or bool(kept.widened and self.subject is not None)


def assess_on(
    cluster: Cluster,
    run: Run,
    pairs: Sequence[tuple[Subject | None, SubjectRun]],
    of: Sequence[Mapping[Side, Regions]],
    asked: Asked,
    note: Note,
) -> Iterator[dict[Side, Certainty]]:
    """Yield how sure the scores of each subject are, in their order, once all of it is known.

    Raises
    ------
    AlgocliError
        As `assess` does of the first subject of which it cannot be said; the p values of the others are kept.
    """
    # A bar cannot be sent, and a worker must not have workers.
    alone = replace(asked, track=silent, note=unheard, cluster=None)
    tasks = [
        SubjectCertainty(run, subject_run, subject, regions, alone)
        for (subject, subject_run), regions in zip(pairs, of, strict=True)
    ]
    with crew_of(cluster, run.cache_dir, asked.note) as crew:
        outcomes = list(_outcomes(tasks, crew, asked))
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
        found, notes = outcome.value
        for line in notes:
            note(line)
        yield found


def _outcomes(tasks: Sequence[SubjectCertainty], crew: Crew, asked: Asked) -> Iterator[Outcome]:
    are_left = [task.is_left for task in tasks]
    left = [task for task, is_left in zip(tasks, are_left, strict=True) if is_left]
    done = iter(crew.do(left, asked.note, asked.track, label="how sure scores are", unit="subjects"))
    for task, is_left in zip(tasks, are_left, strict=True):
        yield next(done) if is_left else do_here(task, unheard)
