"""How runs are trained on a cluster: a task is one subject's part of a run, and those of all runs go side by side.

Large Gram matrices that are missing come first, by all workers together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.executors.crew import Crew, crew_of, do_here
from algocli.compute.executors.specs import Cluster
from algocli.compute.executors.tasks import Needs, Outcome
from algocli.compute.remarks import Remark, gather
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.digests import stimuli_digest
from algocli.dataset.protocol import Subject
from algocli.encoding.gram_tasks import large_matrices, multiply
from algocli.errors import AlgocliError, all_refused
from algocli.features.store.factor import Factor
from algocli.pipeline.plans import Plan
from algocli.pipeline.training_job import UNTRAINED, Job
from algocli.runs.datasets import Home
from algocli.runs.run import Run
from algocli.runs.splitting import find_sameness
from algocli.runs.training import is_trained, promised_memory, stores_of_training, train_subject


@dataclass(frozen=True)
class SubjectTraining:
    """One subject's part of a run that is open.

    Attributes
    ----------
    place
        Which of the subjects it is.
    subjects
        All that the command was given: they may have seen the same images.
    names_run
        Whether its run is one of several, so that a message has to name it.
    """

    place: int
    subjects: tuple[Subject, ...]
    into: Run
    cache_dir: Path
    stimuli: Path | None
    command_line: tuple[str, ...]
    force: bool
    device: str
    names_run: bool = False

    @property
    def label(self) -> str:
        """The subject, and the run where there are several."""
        of = f", run {self.into.name}" if self.names_run else ""
        return f"subject {self.subjects[self.place].id}{of}"

    @cached_property
    def needs(self) -> Needs:
        """The memory that is promised, and a GPU where one multiplies."""
        subject, settings, memory = self.subjects[self.place], self.into.opened_with or self.into.settings, 0
        # What lacks is told by the training itself.
        with suppress(AlgocliError):
            memory = promised_memory(subject, settings, self.cache_dir, self.stimuli, self.device)
        return Needs(memory, gpu=self.device.startswith("cuda"))

    def large_matrices(self, home: Home, track: Track) -> list[Factor]:
        """Return the large Gram matrices that it comes from; none where it cannot be, which is told by `run`."""
        subject, settings = self.subjects[self.place], self.into.opened_with or self.into.settings
        with suppress(AlgocliError):
            content = stimuli_digest(subject.stimuli, self.cache_dir, track=track)
            stores = stores_of_training(subject, settings, content, self.cache_dir, self.stimuli)

            def fits() -> list[NDArray[np.int64]]:
                same = find_sameness(subject, settings, home, self.cache_dir, track)
                return same.split(settings).fits(refit=settings.refit)

            return large_matrices(stores, settings, fits)
        return []

    @property
    def whole(self) -> SubjectTraining:
        """The same, whatever the words that asked for it, with --print among them or not, and what others with it."""
        return replace(self, command_line=(), names_run=False)

    def known(self) -> Outcome | None:
        """Return what is worth saying of a subject that is trained."""
        # What lacks is told by the training itself.
        with suppress(AlgocliError):
            if self.is_done(Home.of(self.subjects, self.cache_dir)):
                return Outcome(self.run(unheard))
        return None

    def is_done(self, home: Home, track: Track = silent) -> bool:
        """Say whether its subject is trained, and is not to be trained again.

        Raises
        ------
        AlgocliError
            If what it reads lacks, or is damaged.
        """
        subject = self.subjects[self.place]
        how: dict[str, Any] = {"home": home, "stimuli": self.stimuli, "track": track}
        return not self.force and is_trained(subject, self.into, self.cache_dir, **how)

    def run(self, note: Note) -> list[Remark]:
        """Train it, unless it is done, and return what is worth saying in the end."""
        remarks: list[Remark] = []
        if self.device != "cpu":
            from algocli.features.networks.devices import resolve_device

            # A worker's machine may lack what the command's own has.
            resolve_device(self.device)
        train_subject(
            self.subjects[self.place],
            self.into,
            self.cache_dir,
            home=Home.of(self.subjects, self.cache_dir),
            stimuli=self.stimuli,
            command_line=self.command_line,
            force=self.force,
            device=self.device,
            note=note,
            remarks=remarks,
        )
        return remarks


@dataclass(frozen=True)
class ClusterJob(Job):
    """Subjects of a dataset, and how runs of them are trained by the workers of a cluster."""

    cluster: Cluster

    def train(self, plan: Plan) -> Run:
        """Train one run, or find it done."""
        run, trained = self.open(plan), list[Outcome]()
        self._train([run], lambda _, outcomes: trained.extend(outcomes))
        self._refuse(trained)
        return self.close(run)

    def train_all(self, plans: Sequence[Plan]) -> list[Run]:
        """Train runs side by side, those that can be, and refuse the rest in the end."""
        ((runs, refused),) = self.train_sets([plans])
        if refused is not None:
            raise refused
        return runs

    def train_sets(self, sets: Sequence[Sequence[Plan]]) -> list[tuple[list[Run], AlgocliError | None]]:
        """Train several sets of runs side by side; of each return those that could be, and why others could not."""
        refused, trained = [dict[str, AlgocliError]() for _ in sets], [list[Run]() for _ in sets]
        opened: list[tuple[int, str, Run]] = []
        for place, plans in enumerate(sets):
            for plan in plans:
                with self.leaving_out(self.label(plan), refused[place]):
                    opened.append((place, self.label(plan), self.open(plan)))

        def close(number: int, outcomes: Sequence[Outcome]) -> None:
            place, what, run = opened[number]
            with self.leaving_out(what, refused[place]):
                self._refuse(outcomes)
                trained[place].append(self.close(run))

        self._train([run for _, _, run in opened], close)
        return [
            (runs, all_refused(faults, len(plans), UNTRAINED) if faults else None)
            for plans, runs, faults in zip(sets, trained, refused, strict=True)
        ]

    def _train(self, runs: Sequence[Run], ended: Callable[[int, Sequence[Outcome]], None]) -> None:
        """Train all subjects of some runs, and tell what came of each run, in their order, as soon as that is known."""
        n_each, n_told = len(self.subjects), 0
        tasks = [self._task(place, run, len(runs) > 1) for run in runs for place in range(n_each)]
        left = [number for number, task in enumerate(tasks) if self._is_left(task)]
        outcomes: dict[int, Outcome] = {}

        def trained(crew: Crew) -> Iterator[int]:
            nonlocal n_told
            for number, outcome in self._done(tasks, left, crew):
                outcomes[number] = outcome
                # One that failed is told in the end, and is no progress.
                if outcome.error is None:
                    yield number
                while n_told < len(runs) and all(n_told * n_each + place in outcomes for place in range(n_each)):
                    ended(n_told, [outcomes[n_told * n_each + place] for place in range(n_each)])
                    n_told += 1

        with crew_of(self.cluster, self.home.cache_dir, self.note) as crew:
            self._multiply([tasks[number] for number in left], crew)
            for _ in self.track(trained(crew), total=len(tasks), label="training", unit="subjects"):
                pass

    def _multiply(self, tasks: Sequence[SubjectTraining], crew: Crew) -> None:
        """Have the large Gram matrices made that some tasks need, by all workers together."""
        matrices = [matrix for task in tasks for matrix in task.large_matrices(self.home, self.track)]
        # What could not be made is told by whoever needs it.
        multiply(matrices, crew, self.cluster.n_workers, self.device, self.track, self.note)

    def _done(self, tasks: Sequence[SubjectTraining], left: Sequence[int], crew: Crew) -> Iterator[tuple[int, Outcome]]:
        """Yield what came of each task: first of those that are done already, which say so, then of the others."""
        for number in sorted({*range(len(tasks))} - {*left}):
            yield number, do_here(tasks[number], self.note)
        for place, outcome in crew.run([tasks[number] for number in left], self.note):
            yield left[place], outcome

    def _is_left(self, task: SubjectTraining) -> bool:
        try:
            return not task.is_done(self.home, self.track)
        # Whoever does it says what is wrong, which does not take a worker.
        except AlgocliError:
            return False

    def _task(self, place: int, run: Run, names_run: bool) -> SubjectTraining:
        how = self.home.cache_dir, self.stimuli, tuple(sys.argv), self.force, self.device
        return SubjectTraining(place, tuple(self.subjects), run, *how, names_run)

    def _refuse(self, trained: Sequence[Outcome]) -> None:
        """Say what was remarked of a run's subjects, and refuse it where one of them could not be trained.

        Raises
        ------
        AlgocliError
            With the reason of each.
        """
        for line in gather(remark for outcome in trained for remark in outcome.value or ()):
            self.note(line)
        pairs = zip(self.subjects, trained, strict=True)
        refused = {f"subject {subject.id}": outcome.error for subject, outcome in pairs if outcome.error is not None}
        if refused:
            raise all_refused(refused, len(trained), "subjects could not be trained")
