"""How runs are trained: one after the other, subject by subject, those that can be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algocli.compute.remarks import Remark, gather
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.errors import AlgocliError, DataError, MissingStep, StorageError, UsageError, WorkerFault, all_refused
from algocli.features.store.kinds import label_of
from algocli.pipeline.plans import Plan
from algocli.runs import opening
from algocli.runs.datasets import Home
from algocli.runs.mixtures import tell_mixtures
from algocli.runs.networks import tell_random_weights
from algocli.runs.run import Run
from algocli.runs.training import train_subject

UNTRAINED = "models could not be trained"


@dataclass(frozen=True)
class Job:
    """Subjects of a dataset, and how runs of them are trained."""

    subjects: Sequence[Subject]
    home: Home
    stimuli: Path | None
    force: bool
    device: str
    made: Callable[[Run], None]
    track: Track
    note: Note

    def train(self, plan: Plan) -> Run:
        """Train one run, or find it done."""
        run, remarks = self.open(plan), list[Remark]()
        try:
            for subject in self.subjects:
                train_subject(
                    subject,
                    run,
                    self.home.cache_dir,
                    home=self.home,
                    stimuli=self.stimuli,
                    command_line=sys.argv,
                    force=self.force,
                    device=self.device,
                    track=self.track,
                    note=self.note,
                    remarks=remarks,
                )
        # What was found is told even where a later subject fails.
        finally:
            for remark in gather(remarks):
                self.note(remark)
        return self.close(run)

    def open(self, plan: Plan) -> Run:
        """Open the run that a plan is of."""
        opened: dict[str, Any] = {"name": plan.name, "words": plan.words, "force": self.force, "note": self.note}
        return opening.open_on(self.home, plan.settings, [subject.id for subject in self.subjects], **opened)

    def close(self, run: Run) -> Run:
        """Say what there is to say of a run whose subjects are all trained, and pass it on."""
        run.mark_latest()
        for remark in (*tell_mixtures(run), *tell_random_weights([run])):
            self.note(remark)
        self.made(run)
        return run

    def train_all(self, plans: Sequence[Plan]) -> list[Run]:
        """Train runs one after the other, those that can be, and refuse the rest in the end.

        Raises
        ------
        AlgocliError
            If some are refused; at once where none of the others could be any better.
        """
        runs, refused = list[Run](), dict[str, AlgocliError]()
        for number, plan in enumerate(plans, start=1):
            what = self.label(plan)
            self.note(f"model {number} of {len(plans)}: {what}")
            with self.leaving_out(what, refused):
                runs.append(self.train(plan))
        if refused:
            raise all_refused(refused, len(plans), UNTRAINED)
        return runs

    def label(self, plan: Plan) -> str:
        """Say which features a plan is of, where it is one of several."""
        (features,) = plan.settings.features
        return label_of(self.home.cache_dir / "features" / features)

    @contextmanager
    def leaving_out(self, what: str, refused: dict[str, AlgocliError]) -> Iterator[None]:
        """Leave out what is refused within a `with` block, and keep why; what concerns the disk concerns all."""
        try:
            yield
        except StorageError:
            raise
        except (UsageError, MissingStep, DataError, WorkerFault) as error:
            self.note(f"{what} is left out: {error.message}")
            refused[what] = error
