"""Results over subjects: the mean of their scores, how far other people would have moved it, and how many show it.

The unit is the subject. Each comes with a score a ROI and the interval that its own images give it. The interval of
the mean is over subjects, whose scores differ by who they are and by what images they saw: it is about other people
who see other images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from algocli.dataset.naming import SubjectId, list_subjects
from algocli.dataset.sides import Side
from algocli.errors import UsageError
from algocli.results.rows import RowsByRoi, RowsOfRois
from algocli.results.telling import SIGNIFICANT, Correction
from algocli.stats.groups import EXACT, Alternative

# A group has to be more than one.
FEWEST = 2
# From this share of held-out images on that several subjects saw, they are told as the same ones.
SAME_IMAGES = 0.5


@dataclass(frozen=True, kw_only=True)
class GroupRow:
    """What subjects' scores of one ROI of one side say; None where too few have any.

    Attributes
    ----------
    n_subjects
        How many have vertices there.
    mean, low, high
        Their mean score, and the 95 % interval of it, by Student's t over subjects.
    sd, sd_between
        The standard deviation of subjects' scores, and what is left of it without what their images make them vary.
    effect_size
        Hedges' g: the mean, less what chance gives, in units of `sd`.
    p, p_wilcoxon, p_corrected
        Of the mean, by flipping signs of subjects' scores; by Wilcoxon's signed ranks; and the former, corrected for
        how many rows there are.
    n_showing
        How many subjects show it: their own interval lies above 0 or, where either direction counts, on the side of 0
        that the mean is on.
    prevalence, prevalence_low, prevalence_high
        In what share of all people it would be seen, as `n_showing` says, and the 95 % interval of that.
    """

    hemisphere: Side
    roi: str
    n_subjects: int
    mean: float | None
    low: float | None
    high: float | None
    sd: float | None
    sd_between: float | None
    effect_size: float | None
    p: float | None
    p_wilcoxon: float | None
    p_corrected: float | None
    n_showing: int | None
    prevalence: float | None
    prevalence_low: float | None
    prevalence_high: float | None

    @property
    def stands_out(self) -> bool:
        """Say whether the mean is told as more than chance: by the corrected p, where there is one."""
        p = self.p if self.p_corrected is None else self.p_corrected
        return p is not None and p <= SIGNIFICANT


class GroupResult(RowsOfRois):
    """Rows over subjects; `each` has the rows of each subject that they were made of, `notes` what was assumed."""

    unit: ClassVar[str] = "subject"
    alternative: ClassVar[Alternative] = "two-sided"
    # In words, where the interval of a subject lies that shows the effect.
    shown: ClassVar[str] = "lies on the side of 0 that the mean is on"
    # In words, which rows p is corrected for together, where that is not all.
    family: ClassVar[str] = ""
    # The columns that say what a row is about; and those that a table goes without where no row has a number there.
    head: ClassVar[tuple[str, ...]] = ("hemisphere", "roi")
    optional: ClassVar[tuple[str, ...]] = (
        *("p_corrected", "sd_between", "n_showing", "prevalence", "prevalence_low", "prevalence_high"),
    )

    rows: Sequence[GroupRow]
    each: RowsByRoi
    corrected: Correction
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.rows)} rows over {list_subjects(self.subjects)})"

    @property
    def subjects(self) -> tuple[SubjectId, ...]:
        """The subjects of the group."""
        return self.each.subjects

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what rows tell: all but what none has."""
        names = [field.name for row in self.rows[:1] for field in fields(row)]
        lacking = {name for name in self.optional if all(getattr(row, name) is None for row in self.rows)}
        return (*self.head, *(name for name in names if name not in self.head and name not in lacking))

    @property
    def sided(self) -> str:
        """Say in words what p asks."""
        return "one-sided" if self.alternative == "greater" else "two-sided"

    @property
    def has_prevalence(self) -> bool:
        """Say whether subjects' own intervals are known, and so how many of them show an effect."""
        return "n_showing" in self.columns

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as JSON and CSV have them: their columns by name."""
        columns = self.columns
        return [{name: getattr(row, name) for name in columns} for row in self.rows]

    def table(self) -> list[dict[str, Any]]:
        """Return the rows as dicts, a column a key."""
        return self.records

    def whose(self) -> dict[str, object]:
        """Return what JSON says before the rows."""
        return {"unit": self.unit, "subjects": self.subjects, "corrected": self.corrected}

    def explain(self) -> Iterator[str]:
        """Say what the unit is, and how numbers are to be read."""
        n, same = len(self.subjects), self.each.same_images
        people = (
            f"other people who see these images ({100 * same:.0f} % of a subject's are another's too)"
            if same > SAME_IMAGES
            else "other people, each with other images,"
        )
        yield (
            f"unit: subject, n = {n}; intervals are of the mean over subjects (95 %, Student's t): {people} would move "
            "it so far"
        )
        corrected = {
            "none": "not corrected for how many rows there are",
            "fdr": f"p fdr: of all rows{self.family} with p fdr <= .05, one in twenty may be chance",
            "max": f"p max: the chance that even one row{self.family} of no effect comes out so high",
        }[self.corrected]
        yield f"p: {_flips(n)}, {self.sided}; {corrected}; * p <= .05"
        yield "g: effect size, the mean in standard deviations over subjects (Hedges)"

    def explain_all(self) -> Iterator[str]:
        """Say all of that, and what rests on each subject's own interval."""
        yield from self.explain()
        yield from self.explain_spread()

    def explain_spread(self) -> Iterator[str]:
        """Say what those numbers are that rest on each subject's own interval."""
        if self.has_prevalence:
            yield "between: the standard deviation between subjects, less what each one's images make its score vary"
            yield (
                f"show: subjects whose own 95 % interval {self.shown}; prevalence: in what percent of people it would "
                "be seen, most likely and 95 % interval"
            )


def _flips(n_subjects: int) -> str:
    ways = f"in all {2**n_subjects:,} ways" if n_subjects <= EXACT else "at random"
    return f"signs of the subjects' scores flipped {ways}"


def check_group(subjects: Sequence[SubjectId]) -> None:
    """Refuse a group that is none.

    Raises
    ------
    UsageError
        If there are fewer than two subjects.
    """
    if len(subjects) < FEWEST:
        raise UsageError(
            f"a group needs {FEWEST} subjects at the least, and there is {list_subjects(subjects)} alone",
            hint="train on more subjects, or name more with subjects=...",
        )


def few_subjects(
    n_subjects: int, alternative: Alternative, rows: Sequence[GroupRow], correct: Correction
) -> Iterator[str]:
    """Say of a small group that no p of it can be small, or none that is corrected for how many there are."""
    least = (1 if alternative == "greater" else 2) / 2**n_subjects
    smallest = f"signs can be flipped in {2**n_subjects} ways, which makes {least:.3g} the smallest"
    if least > SIGNIFICANT:
        yield f"of {n_subjects} subjects no p can reach .05: {smallest}"
    elif correct == "fdr" and least in [row.p for row in rows] and not any(row.stands_out for row in rows):
        yield (
            f"of {n_subjects} subjects no corrected p reaches .05: {smallest}, and that is left only where "
            f"{100 * least / SIGNIFICANT:.0f} % of the rows have it; correct='max' has no such bound"
        )
