"""What the scores of a report, their intervals and their p mean and rest on: the sentences of its help and its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algocli.results.report_rows import Report

IMAGES = (
    "Every score is about images that the scored model was not fitted on. They are training images held out, and not "
    "the leaderboard's test images, whose scores may be lower or higher: these are other images, and responses to "
    "them may hold more noise or less."
)
R = (
    "r is Pearson's correlation of measured and predicted responses over the held-out images: 1 is perfect, 0 is no "
    "relation. With folds it is the mean over folds, each fold predicted by a model of the others."
)
OFFICIAL = (
    "The official accuracy is min(100, 100 r² / NC) and 0 where r is below 0. NC is the noise ceiling, the share of a "
    "vertex's variance that is not noise, in responses to the test images. On few images it runs high, as chance "
    "alone adds about 1 / n to the r² of n images."
)
ADJUSTED = (
    "The adjusted accuracy takes from r² what chance adds, keeps the sign of r and cuts nothing off: on noise it is "
    "about 0 on average, so that models scored on few and on many images can be compared. It leaves out vertices whose "
    "ceiling is .01 or less."
)
P = "p of a vertex is how often chance alone would give an r as high."
P_HOLDOUT = (
    "Of one holdout, chance is what comes of giving the held-out images to other images' predictions, at random. It "
    "rests on nothing but that images could be exchanged."
)
P_FOLDS = (
    "Of several folds, the models were fitted on many of the same images and go up and down together: chance is what "
    "comes of putting responses into random order before all folds are fitted again, for ten vertices a permutation."
)
NOTHING = (
    "Where a model predicts the same of every image, p is 1: a blend does so of vertices that none of its layers help "
    "to predict, which on noise is most of them. The p of such a model are cautious: fewer than one in twenty of "
    "vertices that are noise have a p up to .05."
)
TAIL = (
    "Beyond the highest r that chance gave, p follows the tail of a normal distribution. Significant are vertices "
    "with q up to .05: of all that are called so, one in twenty may be chance."
)
INTERVAL = (
    "A 95 % interval says how far a mean r might have come out otherwise, had this subject seen other images of the "
    "kind. It does not say what other subjects would show. The held-out images are drawn anew, with replacement, and "
    "the interval is made a little wider where they are few, as Student's t does."
)
INTERVAL_FOLDS = (
    "With folds an image counts by what it adds to its own fold and to those whose models it is in, which makes "
    "intervals wider. That other images would also have given other components is allowed for, by a third of what lies "
    "between what is told and the widest that intervals of such models can be."
)
GONE = (
    "Folds need the features that they were trained on: where these are gone, or the regression does not tell, p and "
    "intervals are as wide as they can be, and those of a blend wider still, whose inner folds use every image again. "
    "The difference of such a run to one of another kind is told as if their models had been fitted on different "
    "images, which is too wide: a single holdout tells it more closely."
)
DIFFERENCE = (
    "A difference between runs is taken on the same images for both, so what makes images hard for every model drops "
    "out of its interval."
)
PENALTIES = (
    "Where the runs differ only in how they choose penalties, how these choices hang on the images is not told: the "
    "interval is as wide as models of the same images can make it, too wide rather than too narrow."
)
PEOPLE = (
    "Over subjects the unit is a person: the interval of a mean says how far it might have come out otherwise with "
    "other people (Student's t), who see other images where these did. p is how often the mean would be as far from 0 "
    "if the sign of each subject's score were at random. Few subjects have few signs, and no p is smaller than one in "
    "all ways to choose them, or two-sided twice that: of four subjects .06, so that they alone can never reach .05, "
    "of twice as many .004. Prevalence says of how many people it would be seen, going by how many of these have an "
    "interval of their own that shows it."
)
CHOICE = (
    "The best of several runs, layers or settings looks better on the images that it was chosen by than on any "
    "others. compare --nested chooses by inner folds within the fitted images, and scores the choice on images that "
    "had no part in it. Or let the fit choose, as a blend weighs layers by fitted images alone."
)

# As paragraphs, whatever the run.
HELP = (
    f"Images. {IMAGES}",
    f"Scores. {R} {OFFICIAL} {ADJUSTED}",
    f"--significance. {P} {P_HOLDOUT} {P_FOLDS} {NOTHING} {TAIL} The p values are kept with the run, "
    "and export writes them.",
    f"--intervals. {INTERVAL} {INTERVAL_FOLDS} {GONE}",
    f"--group. {PEOPLE}",
    f"Choosing. {CHOICE}",
)


def explain_accuracies(report: Report, accuracy: str, adjusted: str | None) -> Iterator[str]:
    """Say in a line each what a report's accuracies are, by their names in a table, None where it has none."""
    if report.has_accuracy:
        yield f"{accuracy}: min(100, 100 r² / NC), NC the noise ceiling of the test images; mean over the vertices"
    if adjusted is not None and report.has_adjusted:
        n_low = 0 if report.overall is None else report.overall.n_low_ceiling
        low = f", without {n_low:,} vertices of NC <= .01" if n_low else ""
        yield f"{adjusted}: the same without what chance adds to r² (about 1 / images), signed, not cut off{low}"


def of_report(*, in_folds: bool, has_accuracy: bool, has_p: bool, has_intervals: bool) -> Iterator[tuple[str, str]]:
    """Yield what a report has, by name, and what it means and rests on."""
    yield "Images", IMAGES
    yield "r", R
    if has_accuracy:
        yield "Accuracy", OFFICIAL
        yield "Adjusted accuracy", ADJUSTED
    if has_p:
        chance = f"{P_FOLDS} {GONE}" if in_folds else P_HOLDOUT
        yield "Significant", f"{P} {chance} {NOTHING} {TAIL}"
    if has_intervals:
        yield "95 % interval", f"{INTERVAL} {INTERVAL_FOLDS} {GONE}" if in_folds else INTERVAL
    yield "Choosing", CHOICE


def of_comparison(*, in_folds: bool) -> Iterator[tuple[str, str]]:
    """Yield what a comparison has, by name, and what it means and rests on."""
    yield "Images", IMAGES
    yield "r", R
    interval = f"{INTERVAL} {DIFFERENCE}"
    yield "95 % interval", f"{interval} {INTERVAL_FOLDS} {PENALTIES} {GONE}" if in_folds else interval
    yield "Choosing", CHOICE
