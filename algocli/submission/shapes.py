"""Which files a submission must hold, and what the shape of a wrong one gives away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from algocli.dataset.challenge.layout import N_FSAVERAGE, OFFICIAL_SIZES, subject_folder
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere, prefix
from algocli.errors import DataError


@dataclass(frozen=True)
class SubjectShape:
    """The counts that one subject's predictions must have; `n_train` only serves to recognise a mix-up."""

    n_test: int
    n_vertices: Mapping[Hemisphere, int]
    n_train: int | None = None


@dataclass(frozen=True)
class Member:
    """One file of a submission: predicted responses of one hemisphere to the test images, (n_test, n_vertices)."""

    subject: int
    hemisphere: Hemisphere
    shape: tuple[int, int]

    @property
    def name(self) -> str:
        """The path inside the zip, as in 'subj01/lh_pred_test.npy'."""
        return f"{subject_folder(self.subject)}/{prefix(self.hemisphere)}_pred_test.npy"

    @property
    def n_bytes(self) -> int:
        """The size of the values as float32, without the header."""
        return 4 * self.shape[0] * self.shape[1]

    def __str__(self) -> str:
        return f"subject {self.subject}'s {self.hemisphere} hemisphere"


@dataclass(frozen=True)
class ExpectedShapes:
    """The subjects that a submission must hold, each with the shape of its predictions."""

    by_subject: Mapping[int, SubjectShape]

    @classmethod
    def official(cls) -> ExpectedShapes:
        """Return the shapes of the challenge as its organisers released it."""
        return cls({n: SubjectShape(size.n_test, size.n_vertices, size.n_train) for n, size in OFFICIAL_SIZES.items()})

    @classmethod
    def of(cls, challenge: Challenge) -> ExpectedShapes:
        """Return the shapes of a data folder; subjects that it lacks are expected at their official size.

        The leaderboard takes nothing but all eight subjects, so a folder with fewer does not ask for fewer.

        Raises
        ------
        DataError
            If a subject's test images or vertex masks are missing or malformed.
        """
        shapes = {subject.number: _shape_of(subject) for subject in challenge.subjects()}
        return cls({**cls.official().by_subject, **shapes})

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Every file that a whole submission holds: by subject, left before right."""
        return tuple(
            Member(number, hemisphere, (shape.n_test, shape.n_vertices[hemisphere]))
            for number, shape in sorted(self.by_subject.items())
            for hemisphere in HEMISPHERES
        )

    def explain(self, member: Member, shape: tuple[int, int]) -> str:
        """Say what a matrix of the wrong shape seems to hold and how to mend it."""
        if shape == member.shape[::-1]:
            return "it is transposed: save predictions.T, one row per test image"
        alike = [other for other in self.members if other.shape == shape]
        if any(other.subject == member.subject for other in alike):
            return "this is the shape of the other hemisphere: are left and right swapped?"
        if alike:
            return f"this is the shape of {_either(alike)}: is it the wrong subject's file?"
        reasons = [self._explain_rows(member, shape[0]), self._explain_columns(member, shape[1])]
        return "; ".join(reason for reason in reasons if reason)

    def _explain_rows(self, member: Member, n_rows: int) -> str:
        shape = self.by_subject[member.subject]
        if n_rows == shape.n_test:
            return ""
        if n_rows == shape.n_train:
            return "these are the rows of the training images: predict the test images"
        if shape.n_train is not None and n_rows == shape.n_train + shape.n_test:
            return f"training and test images are in one array: keep the last {shape.n_test} rows"
        return f"predict each of the {shape.n_test} test images, in the order of their names"

    def _explain_columns(self, member: Member, n_columns: int) -> str:
        n_vertices = self.by_subject[member.subject].n_vertices
        if n_columns == n_vertices[member.hemisphere]:
            return ""
        if n_columns == N_FSAVERAGE:
            return "these are all vertices of fsaverage: keep those of the challenge's mask"
        if n_columns == sum(n_vertices.values()):
            return "both hemispheres are in one array: save each in its own file"
        others = [h for h in HEMISPHERES if h != member.hemisphere and n_vertices[h] == n_columns]
        if others:
            return f"this is the {others[0]} hemisphere's number of vertices: are left and right swapped?"
        if n_columns < n_vertices[member.hemisphere]:
            return "some vertices are left out, as when only ROIs are predicted: predict all vertices"
        return (
            f"predict the {n_vertices[member.hemisphere]} vertices of the {member.hemisphere} hemisphere and no others"
        )


def _shape_of(subject: Subject) -> SubjectShape:
    n_vertices = {h: subject.n_vertices(h) for h in HEMISPHERES}
    return SubjectShape(len(subject.test_stimuli), n_vertices, _n_train(subject))


def _n_train(subject: Subject) -> int | None:
    # A zip can be judged without the training images; all that is lost is one explanation.
    try:
        return len(subject.train_stimuli)
    except DataError:
        return None


def _either(members: list[Member]) -> str:
    names = [str(member) for member in members]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
